//! Suspicions: batches of flows in, findings out; a file a suspicion, each a pure step with the clock handed in.
