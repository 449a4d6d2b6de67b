//! Many things at once, but not all of them.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::thread;

/// Does `work` on every item, a bounded number at a time, and hands the results back in the
/// order of the items.
pub(super) fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // What the lab runs waits more than it computes.
    let threads = 4 * thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let queue = Mutex::new(items.iter().enumerate());
    let take = || queue.lock().ok().and_then(|mut queue| queue.next());
    let results = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while let Some((index, item)) = take() {
                    let result = work(item);
                    if let Ok(mut results) = results.lock() {
                        results.push((index, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|&(index, _)| index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order() {
        let items: Vec<_> = (0..100).collect();
        assert_eq!(each(&items, |item| item * 2), (0..200).step_by(2).collect::<Vec<_>>());
        assert!(each(&[] as &[u8], |item| *item).is_empty());
    }
}
