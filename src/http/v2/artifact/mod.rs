//! `artifact.*`, a file per method. All answers go to `hubble.Client`, which dies of numbers that it does not know: only
//! those of its table are used (PROTOCOL.md 0 and G).

pub(super) mod delete;
pub(super) mod delete_many;
mod form;
pub(super) mod get_detail;
pub(super) mod get_download_url;
pub(super) mod list;
mod object;
mod sort;
pub(super) mod update;
pub(super) mod update_meta_data;
pub(super) mod upload;
