//! A bounded cache of recently written entries. Rule: it holds at most twice its capacity and never scans its entries;
//! the oldest entries are evicted first.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// Two generations: when the young one is full or old enough, it replaces the old one, which is dropped as a whole.
#[derive(Debug)]
pub(crate) struct BoundedCache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    rotated_at: Instant,
    capacity: usize,
    period: Duration,
}

impl<K: Hash + Eq, V> BoundedCache<K, V> {
    /// Entries stay for at least `period`, unless more than `capacity` others are written in that time.
    pub fn new(capacity: usize, period: Duration) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), rotated_at: Instant::now(), capacity, period }
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub fn insert(&mut self, key: K, value: V, now: Instant) {
        let elapsed = now.saturating_duration_since(self.rotated_at);
        if elapsed >= self.period || self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
            // No write for so long that even the young generation has expired.
            if elapsed >= self.period * 2 {
                self.old = HashMap::new();
            }
            self.rotated_at = now;
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_grow_and_forgets_the_oldest_first() {
        let now = Instant::now();
        let mut table = BoundedCache::new(100, Duration::from_secs(60));
        for number in 0..10_000 {
            table.insert(number, (), now);
            assert!(table.len() <= 200);
        }
        assert!(table.get(&9_999).is_some() && table.get(&9_900).is_some() && table.get(&9_000).is_none());
    }

    #[test]
    fn entries_stay_for_a_period_and_go_after_two() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut table = BoundedCache::new(100, Duration::from_secs(60));
        table.insert(1, (), start);
        table.insert(2, (), at(61));
        assert!(table.get(&1).is_some());
        table.insert(3, (), at(122));
        assert!(table.get(&1).is_none() && table.get(&2).is_some());
        table.insert(4, (), at(500));
        assert_eq!(table.len(), 1);
    }
}
