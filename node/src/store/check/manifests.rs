//! Whether what certified manifests name is there.
use super::{Checker, Incomplete, Lacks};
use crate::store::{
    StoreError, disk::SegmentNumber, manifests::CertifiedPart, segment::Opened, segment::Segment, tree,
};
use pollux_core::engine::TreeFault;
use pollux_core::{ChunkRef, Envelope, Frame, Manifest};

impl Checker<'_> {
    /// Looks at every certified manifest, a part of the records at a time.
    pub(super) fn check_manifests(&mut self) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let CertifiedPart { rows, unreadable, end } = self.records.certified_part(last.as_deref())?;
            self.report.manifests += unreadable;
            self.report.unreadable_manifests += unreadable;
            for (envelope, let_go) in &rows {
                self.check_manifest(envelope, *let_go)?;
            }
            if end.is_none() {
                return Ok(());
            }
            last = end;
        }
    }

    fn check_manifest(&mut self, envelope: &Envelope, let_go: bool) -> Result<(), StoreError> {
        self.report.manifests += 1;
        self.advance(0);
        let Ok(manifest) = envelope.body::<Manifest>() else {
            self.report.unreadable_manifests += 1;
            return Ok(());
        };
        if let_go || manifest.expires <= self.wall {
            self.report.not_needed += 1;
            return Ok(());
        }
        if let Some(lacks) = self.lacks(&manifest)? {
            let Manifest { key, sequence, .. } = manifest;
            self.report.note_incomplete(Incomplete { manifest: envelope.id(), key, sequence, lacks });
        }
        Ok(())
    }

    /// What of it is missing.
    fn lacks(&mut self, manifest: &Manifest) -> Result<Option<Lacks>, StoreError> {
        let Self { disk, index, tree_decoder, .. } = self;
        let mut failed = None;
        let mut open: Option<Segment> = None;
        let mut read = |chunk: &ChunkRef| {
            let place = index.get(&chunk.id).ok_or(TreeFault::Missing)?;
            let read = segment(&mut open, &**disk, place.segment).and_then(|segment| match segment {
                Some(segment) => segment.read(&chunk.id, place),
                None => Ok(None),
            });
            let frame: Option<Frame> = read.unwrap_or_else(|error| {
                failed = Some(StoreError::disk("read a chunk", error));
                None
            });
            frame.ok_or(TreeFault::Missing)
        };
        let content = tree::content(&manifest.tree, tree_decoder, &mut read);
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(match content {
            Ok(chunks) => {
                let missing = chunks.iter().filter(|chunk| index.get(&chunk.id).is_none()).count();
                let missing = u64::try_from(missing).unwrap_or(u64::MAX);
                (missing > 0).then_some(Lacks::Chunks(missing))
            }
            Err(TreeFault::Missing) => Some(Lacks::Tree),
            Err(TreeFault::Broken | TreeFault::DiffersFromManifest) => Some(Lacks::GoodTree),
        })
    }
}

/// The segment, opened unless the chunk before was in it too.
fn segment<'a>(
    open: &'a mut Option<Segment>,
    disk: &dyn crate::store::disk::Disk,
    number: SegmentNumber,
) -> std::io::Result<Option<&'a Segment>> {
    if open.as_ref().is_none_or(|segment| segment.number != number) {
        *open = match Segment::open(disk, number)? {
            Opened::Segment(segment) => Some(segment),
            Opened::Newer(_) | Opened::Unreadable(_) => None,
        };
    }
    Ok(open.as_ref())
}
