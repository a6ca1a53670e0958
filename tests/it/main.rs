//! Does the product keep its promises with real parts around it? One binary, so that it links once.

// The attribute tells clippy that this is test code through and through.
#[cfg(test)]
mod docker;
