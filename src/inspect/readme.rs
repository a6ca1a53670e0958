//! Which text introduces the package? Its readme, cut to the limit, as text that nothing has rendered yet.

use super::{InspectError, folder::Folder, requirements::decode};

/// Names that are tried, in any case of letters, best first.
const NAMES: [&str; 5] = ["readme.md", "readme.markdown", "readme.rst", "readme.txt", "readme"];

/// Reads the readme at the top of the package, if there is one.
pub(super) fn read(folder: &mut Folder<'_>, limit: u64) -> Result<Option<String>, InspectError> {
    let found = NAMES.iter().find_map(|name| folder.paths().find(|path| path.eq_ignore_ascii_case(name)));
    let Some(path) = found.map(str::to_owned) else { return Ok(None) };
    let Some(mut bytes) = folder.prefix(&path, limit)? else { return Ok(None) };
    if !folder.fits(&path, limit)
        && let Err(cut) = std::str::from_utf8(&bytes)
        && cut.error_len().is_none()
    {
        // The limit fell into the middle of a character.
        bytes.truncate(cut.valid_up_to());
    }
    // Databases take no NUL in a text.
    Ok(Some(decode(&bytes).replace('\0', "\u{FFFD}")))
}
