//! The big table: for each context, the probability of each next bit. Hashed, checked, and undone after each message
//! by a journal, so that nothing is copied.

/// Sixteen counters of one context: a check word, then one counter for each bit of half a byte.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Bucket([u32; 16]);

/// A counter: a probability of 16 bits above, how often it was seen in the low 10.
const FRESH: u32 = 32_768 << 16;

/// The table.
pub struct Slots {
    buckets: Vec<Bucket>,
    /// What the buckets were before the message, once each.
    journal: Vec<(u32, Bucket)>,
    touched: Vec<u64>,
    recording: bool,
}

/// Mixes two words; all hashes of the model are made of it.
#[inline(always)]
pub fn hash(a: u32, b: u32) -> u32 {
    let mut x = a.wrapping_mul(0x9E37_79B1) ^ b.wrapping_mul(0x85EB_CA6B).rotate_left(13);
    x ^= x >> 15;
    x = x.wrapping_mul(0x2C1B_3C6D);
    x ^= x >> 12;
    x = x.wrapping_mul(0x297A_2D39);
    x ^ (x >> 15)
}

impl Slots {
    /// An empty table of `2^bits` buckets of 64 bytes.
    pub fn new(bits: u32) -> Self {
        let count = 1_usize << bits;
        Self {
            buckets: vec![Bucket([0; 16]); count],
            journal: Vec::new(),
            touched: vec![0; count.div_ceil(64)],
            recording: false,
        }
    }

    /// From now on changes can be undone.
    pub fn record(&mut self) {
        self.recording = true;
    }

    /// Undoes every change since the last call.
    pub fn undo(&mut self) {
        while let Some((at, old)) = self.journal.pop() {
            self.buckets[at as usize] = old;
            self.touched[at as usize >> 6] = 0;
        }
    }

    /// The bucket of a context, made in place of the least used of four when there is none.
    pub fn find(&mut self, context: u32) -> usize {
        let check = (context >> 8) | 1;
        let home = hash(context, 0x0123_4567) as usize & (self.buckets.len() - 1);
        let (mut best, mut least) = (home, u32::MAX);
        for step in 0..4 {
            let at = home ^ step;
            let bucket = &self.buckets[at].0;
            if bucket[0] == check {
                return at;
            }
            if bucket[0] == 0 {
                best = at;
                break;
            }
            if bucket[1] & 1023 < least {
                (best, least) = (at, bucket[1] & 1023);
            }
        }
        self.keep(best);
        let mut fresh = Bucket([FRESH; 16]);
        fresh.0[0] = check;
        self.buckets[best] = fresh;
        best
    }

    /// A counter: its probability of 16 bits, and how often it was seen.
    #[inline(always)]
    pub fn get(&self, bucket: usize, slot: usize) -> (u32, u32) {
        let value = self.buckets[bucket].0[slot];
        (value >> 16, value & 1023)
    }

    /// The counter, to change it.
    #[inline(always)]
    pub fn change(&mut self, bucket: usize, slot: usize) -> &mut u32 {
        self.keep(bucket);
        &mut self.buckets[bucket].0[slot]
    }

    #[inline(always)]
    fn keep(&mut self, at: usize) {
        let (word, bit) = (at >> 6, 1_u64 << (at & 63));
        if self.recording && self.touched[word] & bit == 0 {
            self.touched[word] |= bit;
            self.journal.push((at as u32, self.buckets[at]));
        }
    }

    /// Every word of the table, for the hash of the primed state.
    pub fn words(&self) -> impl Iterator<Item = u32> {
        self.buckets.iter().flat_map(|bucket| bucket.0)
    }
}
