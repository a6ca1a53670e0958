//! Do the commands do what they say? Through the real program.

mod inspect;
