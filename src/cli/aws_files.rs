//! The files that the AWS SDK reads whole, whatever they are: looked at before it does.

use std::io;
use std::path::{Path, PathBuf};

use super::exit::ExitCode;
use super::failure::Failure;
use crate::aws::credentials::can_be_sent;
use crate::files;

/// Largest file that is read as one of them: hundreds of profiles, or a bundle of hundreds of certificates.
const SIZE_MAX: u64 = 4 << 20;

/// The variable that names a file, and where it is below the home directory without it.
const FILES: [(&str, Option<&str>); 5] = [
    ("AWS_CONFIG_FILE", Some(".aws/config")),
    ("AWS_SHARED_CREDENTIALS_FILE", Some(".aws/credentials")),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", None),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", None),
    ("SSL_CERT_FILE", None),
];

/// Refuses a file that has no end, or what the SDK would panic over.
pub(super) fn check() -> Result<(), Failure> {
    for (variable, usual) in FILES {
        let named = std::env::var_os(variable).filter(|path| !path.is_empty());
        let at_home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(usual?));
        let Some(path) = named.map(PathBuf::from).or_else(at_home) else {
            continue;
        };
        if let Some(why) = trouble(&path, usual.is_some()) {
            let message = format!("cannot use {} ({variable}): {why}", path.display());
            let next = format!("let {variable} name a file, or unset it");
            return Err(Failure::new(ExitCode::Error, message).next(next));
        }
    }
    Ok(())
}

/// What is wrong with the file at `path`, which holds profiles or not, if anything is that the SDK would not say better.
fn trouble(path: &Path, holds_profiles: bool) -> Option<String> {
    // The usual value for no file.
    if path == Path::new("/dev/null") {
        return None;
    }
    match files::read(path, SIZE_MAX) {
        Ok(_) if !holds_profiles => None,
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let line = text
                .lines()
                .position(|line| !can_be_sent(&line.replace('\t', " ")))?;
            Some(format!("control character not allowed in line {}", line + 1))
        }
        Err(error) if files::is_not_regular(&error) || error.kind() == io::ErrorKind::FileTooLarge => {
            Some(error.to_string())
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_file_is_reported_and_a_missing_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config");
        assert_eq!(trouble(&file, true), None);
        assert_eq!(trouble(Path::new("/dev/null"), true), None);
        assert!(trouble(dir.path(), false).unwrap().contains("a directory"));
        std::fs::write(&file, "[default]\r\nregion =\tus-east-1\n").unwrap();
        assert_eq!(trouble(&file, true), None);
        std::fs::write(&file, "[default]\naws_access_key_id = CANARY\u{7}\n").unwrap();
        let fault = trouble(&file, true).unwrap();
        assert_eq!(fault, "control character not allowed in line 2");
        std::fs::File::create(&file).unwrap().set_len(1 << 40).unwrap();
        assert!(trouble(&file, true).unwrap().contains("larger than 4 MiB"));
    }
}
