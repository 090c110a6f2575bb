//! Pieces of rows on several threads: the only file that knows rayon.
//!
//! Pieces are cut the same way whatever the thread count, and none depends on another.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::error::PricingError;

/// Rows in one piece of work; a multiple of every lane width.
pub const PIECE: usize = 16_384;
/// Below this many rows a second thread costs more than it brings.
pub const THREADS_FROM: usize = 20_000;

/// Whether so many rows are worth more than one thread.
#[must_use]
pub fn is_parallel(rows: usize, threads: usize) -> bool {
    threads > 1 && rows >= THREADS_FROM
}

/// Runs each piece, on a pool of so many threads.
///
/// # Errors
/// `OutOfDomain` where the pool can not be made.
pub fn in_parallel<P: Send>(
    threads: usize,
    pieces: Vec<P>,
    run: impl Fn(P) + Sync + Send,
) -> Result<(), PricingError> {
    pool(threads)?.install(|| pieces.into_par_iter().for_each(run));
    Ok(())
}

/// The pool in use with its size and the process that made it: threads do not survive a fork.
type Held = Option<(usize, u32, Arc<rayon::ThreadPool>)>;

static POOL: Mutex<Held> = Mutex::new(None);

fn pool(threads: usize) -> Result<Arc<rayon::ThreadPool>, PricingError> {
    let process = std::process::id();
    let mut held = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((size, owner, pool)) = held.as_ref() {
        if *size == threads && *owner == process {
            return Ok(Arc::clone(pool));
        }
        if *owner != process {
            // Joining the threads of another process would wait for ever: never drop this one.
            std::mem::forget(Arc::clone(pool));
        }
    }
    let made = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| PricingError::OutOfDomain(format!("threads = {threads}: {error}")))?;
    let made = Arc::new(made);
    *held = Some((threads, process, Arc::clone(&made)));
    Ok(made)
}
