//! The bounds of a decoded message that its types do not hold by themselves.
use super::Control;
use crate::limits::MANIFEST_CHUNKS_MAX;

impl Control {
    /// Whether everything in the message is within its limit. Envelopes, lists and chunk sets were bounded as they were read.
    pub(super) fn is_bounded(&self) -> bool {
        match self {
            Self::OfferProgress { offer: _, have, of } => have <= of && *of <= MANIFEST_CHUNKS_MAX,
            Self::List { ask: _, what } => what.is_bounded(),
            Self::AskLog { ask: _, what, after: _ } => what.is_bounded(),
            Self::Ask { .. }
            | Self::AskRelayed { .. }
            | Self::Hello(_)
            | Self::Join { .. }
            | Self::Welcome { .. }
            | Self::Refused { .. }
            | Self::Answer { .. }
            | Self::Relayed { .. }
            | Self::Relay { .. }
            | Self::Enter { .. }
            | Self::Neighbours { .. }
            | Self::Have { .. }
            | Self::Leave { .. }
            | Self::Offer { .. }
            | Self::OfferReceipt { .. }
            | Self::OfferRefused { .. }
            | Self::Certify { .. }
            | Self::Certified { .. }
            | Self::Listing { .. }
            | Self::CatchUp { .. }
            | Self::Known { .. }
            | Self::AskPapers { .. }
            | Self::Papers { .. }
            | Self::PapersKnown { .. }
            | Self::KeepPapers { .. }
            | Self::PapersKept { .. }
            | Self::Log { .. }
            | Self::Bring { .. }
            | Self::Brought { .. }
            | Self::AskPart { .. }
            | Self::Part { .. }
            | Self::Zone { .. }
            | Self::Kin { .. }
            | Self::AskNeighbours { .. }
            | Self::Unknown { .. } => true,
        }
    }
}
