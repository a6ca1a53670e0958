//! Does the RPC do what its clients rely on? One folder per noun, as in the source.

mod artifact;
