//! Does the whole behave as promised? One binary, so that it links once; one module for each area.

mod inspect;
