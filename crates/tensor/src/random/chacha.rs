//! The generator: ChaCha with 8 rounds, many blocks at a time.

use std::convert::Infallible;

use rand::rand_core::block::{BlockRng, Generator};
use rand::{SeedableRng, TryRng};

use crate::simd::{Isa, Kernel, dispatch};

/// The generator whose numbers this crate promises; any other one of `rand` may be passed as well.
///
/// The stream is that of ChaCha8 (D. J. Bernstein, 2008) with a 64-bit counter of blocks from 0,
/// read as little-endian words; the seed is the key, and the nonce the number of the stream. It is
/// computed here, and not by `rand_chacha`, which the tests hold it to: with a block in each lane
/// of a vector it is faster, and to draw a tensor takes little else.
#[derive(Clone, Debug)]
pub struct Rng(BlockRng<Blocks>);

impl Rng {
    /// Goes to the beginning of a stream: each seed has 2⁶⁴ of them, and begins in the first,
    /// number 0.
    pub fn set_stream(&mut self, stream: u64) {
        self.0 = BlockRng::new(Blocks { key: self.0.core.key, stream, next: 0 });
    }
}

impl SeedableRng for Rng {
    type Seed = [u8; 32];

    fn from_seed(seed: [u8; 32]) -> Self {
        let mut key = [0; 8];
        for (word, bytes) in key.iter_mut().zip(seed.as_chunks().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Rng(BlockRng::new(Blocks { key, stream: 0, next: 0 }))
    }
}

impl TryRng for Rng {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_word())
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64_from_u32())
    }

    #[inline]
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

/// Words of a block.
const WORDS: usize = 16;
/// Blocks that are made together: as many as a vector of AVX-512 has lanes.
const LANES: usize = 16;

#[derive(Clone, Debug)]
struct Blocks {
    key: [u32; 8],
    stream: u64,
    /// The counter of the next block.
    next: u64,
}

impl Generator for Blocks {
    type Output = [u32; WORDS * LANES];

    fn generate(&mut self, out: &mut Self::Output) {
        dispatch(Fill { blocks: self, out });
        self.next = self.next.wrapping_add(LANES as u64);
    }
}

struct Fill<'a> {
    blocks: &'a Blocks,
    out: &'a mut [u32; WORDS * LANES],
}

impl Kernel for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        // Word by word, all lanes beside each other.
        let mut made = [[0; LANES]; WORDS];
        for lane in 0..LANES {
            let words = self.blocks.block(lane as u64);
            for (made, word) in made.iter_mut().zip(words) {
                made[lane] = word;
            }
        }
        for (lane, out) in self.out.as_chunks_mut::<WORDS>().0.iter_mut().enumerate() {
            *out = std::array::from_fn(|word| made[word][lane]);
        }
    }
}

impl Blocks {
    /// Block `lane` of the next ones: the state after four double rounds, added to that
    /// before them.
    #[inline(always)]
    fn block(&self, lane: u64) -> [u32; WORDS] {
        // "expand 32-byte k".
        let [a, b, c, d] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
        let [k0, k1, k2, k3, k4, k5, k6, k7] = self.key;
        let [i0, i1] = halves(self.next.wrapping_add(lane));
        let [s0, s1] = halves(self.stream);
        let start = [a, b, c, d, k0, k1, k2, k3, k4, k5, k6, k7, i0, i1, s0, s1];
        // Not a loop, for the lanes are to be the only one.
        let end = double_round(double_round(double_round(double_round(start))));
        std::array::from_fn(|k| end[k].wrapping_add(start[k]))
    }
}

#[inline(always)]
fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

/// The columns of the state as a matrix of four rows, then its diagonals.
#[inline(always)]
fn double_round(mut x: [u32; WORDS]) -> [u32; WORDS] {
    quarter_round(&mut x, 0, 4, 8, 12);
    quarter_round(&mut x, 1, 5, 9, 13);
    quarter_round(&mut x, 2, 6, 10, 14);
    quarter_round(&mut x, 3, 7, 11, 15);
    quarter_round(&mut x, 0, 5, 10, 15);
    quarter_round(&mut x, 1, 6, 11, 12);
    quarter_round(&mut x, 2, 7, 8, 13);
    quarter_round(&mut x, 3, 4, 9, 14);
    x
}

#[inline(always)]
fn quarter_round(x: &mut [u32; WORDS], a: usize, b: usize, c: usize, d: usize) {
    for [to, from, into, turn] in [[a, b, d, 16], [c, d, b, 12], [a, b, d, 8], [c, d, b, 7]] {
        x[to] = x[to].wrapping_add(x[from]);
        x[into] = (x[into] ^ x[to]).rotate_left(turn as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng as _;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_stream_is_that_of_chacha8_however_it_is_read() {
        let seed = std::array::from_fn(|k| k as u8 * 7 + 1);
        let (mut own, mut other) = (Rng::from_seed(seed), ChaCha8Rng::from_seed(seed));
        assert_eq!(own.next_u64(), other.next_u64());
        let stream = u64::MAX / 3;
        own.set_stream(stream);
        other.set_stream(stream);
        other.set_word_pos(0);
        for round in 0..3000 {
            assert_eq!(own.next_u64(), other.next_u64(), "{round}");
            if round % 5 == 0 {
                assert_eq!(own.next_u32(), other.next_u32(), "{round}");
            }
            if round % 97 == 0 {
                let (mut a, mut b) = ([0; 1031], [0; 1031]);
                own.fill_bytes(&mut a[..round % 1031]);
                other.fill_bytes(&mut b[..round % 1031]);
                assert_eq!(a, b, "{round}");
            }
        }
    }

    #[test]
    fn the_counter_carries_into_its_upper_word() {
        let key = [3; 8];
        let first = u64::from(u32::MAX) - 3;
        let mut own = BlockRng::new(Blocks { key, stream: 0, next: first });
        let mut other = ChaCha8Rng::from_seed([3, 0, 0, 0].repeat(8).try_into().unwrap());
        other.set_word_pos(u128::from(first) * WORDS as u128);
        for k in 0..2 * WORDS * LANES {
            assert_eq!(own.next_word(), other.next_u32(), "{k}");
        }
    }
}
