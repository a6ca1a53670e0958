//! How does a built image leave the engine? In one pass over the archive that the engine sends: the layers are searched for
//! values of build variables while whoever keeps the image takes them. What leaked is not kept.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use bollard::{Docker, query_parameters::RemoveImageOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::{
    builds::{
        engine::{BuildPlan, BuiltImage, ImageKeeper, LayerWatch},
        fault::Fault,
    },
    domain::task::FaultKind,
    images::archive::{self, ArchiveError, Outline},
};

use super::{
    console::Console,
    leaks::{Leak, Needles, Search},
    preparation::operator,
    provision::Provision,
};

const CHUNKS_IN_FLIGHT: usize = 16;
/// How long an engine may take to begin, or to go on: it first writes the whole image to its own disk.
const SILENCE: Duration = Duration::from_mins(10);

/// An image that the engine has made, and that nobody has looked into.
pub struct Built {
    pub docker: Docker,
    pub provision: Provision,
    pub image: BuiltImage,
    /// How many of its layers the build made; those below are its base's.
    pub layers: usize,
}

impl Built {
    /// Gives the image to `keeper`, and removes it from the engine when a value of a build variable is in it or when it could
    /// not be searched. Without keeper and variables nothing is read.
    pub async fn hand_over(
        &self,
        plan: &BuildPlan,
        keeper: Option<Arc<dyn ImageKeeper>>,
        console: &Console,
    ) -> Result<(), Fault> {
        let needles = Needles::new(&plan.build_env);
        if keeper.is_none() && needles.is_none() {
            return Ok(());
        }
        let keeper = keeper.unwrap_or_else(|| Arc::new(Nobody));
        let leak = match self.pass(keeper, needles).await {
            Ok(None) => return Ok(()),
            Ok(Some(leak)) => leak,
            Err(fault) => {
                self.discard().await;
                return Err(fault);
            }
        };
        self.discard().await;
        Err(Fault::new(FaultKind::SecretLeak, console.clean(&self.words(&leak))))
    }

    /// One pass over the archive.
    async fn pass(
        &self,
        keeper: Arc<dyn ImageKeeper>,
        needles: Option<Needles>,
    ) -> Result<Option<Leak>, Fault> {
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let layers = self.layers;
        let reading = tokio::task::spawn_blocking(move || {
            let mut archive = Received { receiver, chunk: Bytes::new(), is_over: false };
            let Some(needles) = needles else {
                return keeper.take(&mut archive, &mut Unsearched).map(|_| None);
            };
            let mut search = Search::new(needles);
            let image = keeper.take(&mut archive, &mut search)?;
            search
                .judge(&image, layers)
                .map_err(|error| operator(&format!("the image's own description cannot be read: {error}")))
        });
        // Whoever reads ends early after an error of its own; then nobody takes the rest.
        let sending = self.send(sender);
        let ((), read) = tokio::join!(sending, reading);
        read.map_err(|_| {
            Fault::new(FaultKind::Internal, "Reading the image was cut off. It is tried again.")
        })?
    }

    /// Sends the engine's archive piece by piece, an empty piece at the end, so that a reader tells the end from being cut off.
    async fn send(&self, sender: mpsc::Sender<io::Result<Bytes>>) {
        let mut export = std::pin::pin!(self.docker.export_image(&self.image.id));
        loop {
            let piece = match tokio::time::timeout(SILENCE, export.next()).await {
                Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                Ok(Some(Ok(piece))) => Ok(piece),
                Ok(Some(Err(error))) => Err(io::Error::other(error)),
                Ok(None) => Ok(Bytes::new()),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the engine stopped sending")),
            };
            let is_last = piece.as_ref().map_or(true, Bytes::is_empty);
            if sender.send(piece).await.is_err() || is_last {
                return;
            }
        }
    }

    fn words(&self, leak: &Leak) -> String {
        let names = leak.variables.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let place = match (&leak.file, &leak.step) {
            (Some(file), Some(step)) => {
                format!("the file {file}, written by the step `{}`", self.step_of_history(step))
            }
            (Some(file), None) => format!("the file {file}"),
            (None, Some(step)) => format!("its description, by the step `{}`", self.step_of_history(step)),
            _ => "its description (ENV, LABEL, or a command's own text)".to_owned(),
        };
        format!(
            "The value of {names} was found in the image, in {place}. The image was removed. Use the variable only while the step runs, and delete what keeps it in the same step."
        )
    }

    /// `RUN /bin/sh -c x # buildkit` as the author wrote it.
    fn step_of_history(&self, created_by: &str) -> String {
        let text = self.provision.hide(created_by);
        let text = text.trim_end_matches("# buildkit").trim_end();
        text.replacen("RUN /bin/sh -c ", "RUN ", 1)
    }

    async fn discard(&self) {
        let image = &self.image.name;
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        if let Err(error) = self.docker.remove_image(image, Some(options), None).await {
            tracing::warn!(image, %error, "an image that must not be used could not be removed");
        }
    }
}

/// Keeps nothing: the image is only searched.
#[derive(Debug)]
struct Nobody;

impl ImageKeeper for Nobody {
    fn take(&self, archive: &mut dyn Read, watch: &mut dyn LayerWatch) -> Result<Outline, Fault> {
        archive::read(archive, |path, tar| watch.layer(path, tar).map_err(ArchiveError::from))
            .map_err(|error| operator(&error.to_string()))
    }
}

/// Looks for nothing.
struct Unsearched;

impl LayerWatch for Unsearched {
    fn layer(&mut self, _path: &str, _tar: &mut dyn Read) -> io::Result<()> {
        Ok(())
    }
}

/// What the engine sends, for a blocking reader.
struct Received {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    chunk: Bytes,
    is_over: bool,
}

impl Read for Received {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && !self.is_over {
            let cut_off = || io::Error::new(io::ErrorKind::UnexpectedEof, "it was cut off");
            self.chunk = self.receiver.blocking_recv().ok_or_else(cut_off)??;
            self.is_over = self.chunk.is_empty();
        }
        let taken = self.chunk.split_to(self.chunk.len().min(buffer.len()));
        buffer.get_mut(..taken.len()).unwrap_or_default().copy_from_slice(&taken);
        Ok(taken.len())
    }
}
