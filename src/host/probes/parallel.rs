//! The same question to many.

use std::sync::Mutex;
use std::thread;

/// The most threads that ask at the same time.
const THREADS: usize = 64;

/// Asks everyone, many at a time, and hands back the answers in the order of the questions.
pub(super) fn each<Q: Sync, A: Send>(questions: &[Q], ask: impl Fn(&Q) -> A + Sync) -> Vec<A> {
    let next = Mutex::new(questions.iter().enumerate());
    let work = || {
        let mut answers = Vec::new();
        loop {
            // Taken in a statement of its own, so that the lock is free while we ask.
            let taken = next.lock().ok().and_then(|mut questions| questions.next());
            let Some((number, question)) = taken else { return answers };
            answers.push((number, ask(question)));
        }
    };
    let mut answers = thread::scope(|scope| {
        let helpers: Vec<_> = (1..questions.len().min(THREADS))
            // Where there are no threads to be had, those that there are do it all.
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let own = work();
        let theirs = helpers.into_iter().filter_map(|helper| helper.join().ok());
        theirs.flatten().chain(own).collect::<Vec<_>>()
    });
    answers.sort_unstable_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_keep_the_order_of_the_questions() {
        let questions: Vec<u32> = (0..500).collect();
        assert_eq!(
            each(&questions, |n| n * 2),
            questions.iter().map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(each(&[0; 0], |n| *n).is_empty());
    }
}
