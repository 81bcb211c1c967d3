//! Counts what one run allocates.

use std::hint::black_box;

use alloc_tracker::{Allocator, Session};

// It adds to thread-local counters without locked instructions, a nanosecond or so an allocation, for updates and
// renders alike.
#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

/// What was allocated, freed again or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    /// A reallocation counts with its whole new size.
    pub(crate) bytes: u64,
    pub(crate) allocs: u64,
}

/// Runs `run` once, and counts what it allocates on this thread.
pub(crate) fn count<R>(run: impl FnOnce() -> R) -> Allocated {
    let session = Session::new().no_stdout().no_file();
    let operation = session.operation("run");
    {
        let _span = operation.measure_thread().iterations(1);
        black_box(run());
    }
    let report = session.to_report();
    let mut allocated = Allocated { bytes: 0, allocs: 0 };
    for (_, operation) in report.operations() {
        allocated.bytes += operation.total_bytes_allocated();
        allocated.allocs += operation.total_allocations_count();
    }
    allocated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bytes_and_allocations() {
        let allocated = count(|| [Box::new([0_u8; 100]), Box::new([0_u8; 100])]);
        assert_eq!((allocated.bytes, allocated.allocs), (200, 2));
    }
}
