//! `tidegate authority`: the rotation of the certificate authority in the data directory of a control plane.

use std::io::{self, Write};

use tidegate_control_plane::{Rotated, Rotation, rotate_authority};

use crate::cli::RotateOptions;
use crate::control_plane::has_been_started;
use crate::outcome::CommandResult;

/// Takes one step of the rotation and prints the next one.
///
/// # Errors
/// No control plane was ever started in the directory, the files cannot be changed, or a worker has no certificate
/// of the next authority.
pub(crate) async fn rotate(options: &RotateOptions) -> CommandResult {
    let data_dir = &options.place.data_dir;
    has_been_started(data_dir)?;
    let rotation = if options.finish { Rotation::Finish { force: options.force } } else { Rotation::Begin };
    let certificates = data_dir.join("ca.pem");
    let certificates = certificates.display();
    let text = match rotate_authority(data_dir, rotation).await? {
        Rotated::Begun(waiting) => format!(
            "{certificates} now holds the certificates of two authorities: give it to the clients of the REST API. \
             {} workers have no certificate of the next authority yet, and get one while they are connected. \
             Then run `tidegate authority rotate --finish`.",
            waiting.len()
        ),
        Rotated::Finished => {
            format!(
                "{certificates} now holds only the certificate of the new authority, the only one that is trusted."
            )
        }
        Rotated::Waiting(waiting) => {
            let waiting: Vec<String> = waiting.iter().map(ToString::to_string).collect();
            return Err(format!(
                "these workers have no certificate of the next authority yet: {}; connect them, remove them with \
                 `DELETE /workers/{{id}}`, or use --force and let them join again",
                waiting.join(", ")
            )
            .into());
        }
        Rotated::NotBegun => {
            return Err("no rotation has begun: run `tidegate authority rotate` first".into());
        }
    };
    Ok(writeln!(io::stdout(), "{text}")?)
}
