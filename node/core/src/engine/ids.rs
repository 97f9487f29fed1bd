//! Numbers that tell apart what is under way between engine and driver.

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    };
}
number!(
    /// A job's connection; chosen by the driver, never used again.
    JobId
);
number!(
    /// A chunk under way to us; chosen by the engine.
    FetchId
);
number!(
    /// A chunk that a peer asked for; chosen by the driver, never used again.
    AskId
);
number!(
    /// Work given to the driver; chosen by the engine.
    TaskId
);
