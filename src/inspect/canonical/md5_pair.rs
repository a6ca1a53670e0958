//! What are the MD5s of two streams? Each step of MD5 waits for the one before it, and most of a processor waits with it:
//! two streams side by side take hardly longer than one. A push needs two, of what came and of what is kept.

use crate::domain::digest::Md5;

/// Bytes that MD5 takes at once.
const BLOCK: usize = 64;
const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// Two MD5s that are computed together. Either stream may be longer than the other.
pub(super) struct Md5Pair([Lane; 2]);

impl Md5Pair {
    pub(super) fn new() -> Self {
        Self([Lane::new(), Lane::new()])
    }

    /// Adds bytes to each. It is fast where there are as many for both.
    pub(super) fn update(&mut self, first: &[u8], second: &[u8]) {
        let [a, b] = &mut self.0;
        let (a_blocks, a_rest) = a.complete(first).as_chunks();
        let (b_blocks, b_rest) = b.complete(second).as_chunks();
        let pairs = a_blocks.len().min(b_blocks.len());
        for (a_block, b_block) in a_blocks.iter().zip(b_blocks) {
            compress([&mut a.state, &mut b.state], [a_block, b_block]);
        }
        a.take(a_blocks.get(pairs..).unwrap_or_default(), a_rest);
        b.take(b_blocks.get(pairs..).unwrap_or_default(), b_rest);
    }

    pub(super) fn finish(self) -> [Md5; 2] {
        self.0.map(Lane::finish)
    }
}

/// One of the two.
struct Lane {
    state: [u32; 4],
    /// Bytes that are no whole block yet.
    rest: Vec<u8>,
    length: u64,
}

impl Lane {
    fn new() -> Self {
        Self { state: START, rest: Vec::with_capacity(BLOCK), length: 0 }
    }

    /// Counts the bytes, fills up the block that was begun, and gives back what comes after it.
    fn complete<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        self.length += bytes.len() as u64;
        if self.rest.is_empty() {
            return bytes;
        }
        let (missing, after) = bytes.split_at(bytes.len().min(BLOCK - self.rest.len()));
        self.rest.extend_from_slice(missing);
        if let Some(block) = self.rest.first_chunk() {
            compress([&mut self.state], [block]);
            self.rest.clear();
        }
        after
    }

    fn take(&mut self, blocks: &[[u8; BLOCK]], rest: &[u8]) {
        for block in blocks {
            compress([&mut self.state], [block]);
        }
        self.rest.extend_from_slice(rest);
    }

    fn finish(mut self) -> Md5 {
        // A one, zeros, and the length in bits fill the last block.
        let bits = self.length.wrapping_mul(8).to_le_bytes();
        let mut end = std::mem::take(&mut self.rest);
        end.push(0x80);
        while end.len() % BLOCK != BLOCK - bits.len() {
            end.push(0);
        }
        end.extend(bits);
        self.take(end.as_chunks().0, &[]);
        let mut digest = [0; 16];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_le_bytes();
        }
        Md5(digest)
    }
}

/// Works a block into each of `N` states, step by step in turns. New lanes for every step: changed in place they live in
/// memory instead of registers, and a third of the speed is gone.
#[inline]
fn compress<const N: usize>(states: [&mut [u32; 4]; N], blocks: [&[u8; BLOCK]; N]) {
    // A compiler that knows them adds them last, behind the sum that the next step waits for: a fifth of the speed.
    let sines = std::hint::black_box(&SINES);
    let mut lanes: [[u32; 4]; N] = std::array::from_fn(|lane| *states[lane]);
    macro_rules! steps {
        ($($step:literal)*) => { $(
            lanes = std::array::from_fn(|lane| step::<$step>(lanes[lane], blocks[lane], sines));
        )* };
    }
    steps!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    steps!(16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
    steps!(32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47);
    steps!(48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63);
    for (state, lane) in states.into_iter().zip(lanes) {
        for (word, added) in state.iter_mut().zip(lane) {
            *word = word.wrapping_add(added);
        }
    }
}

/// One of the 64 steps of RFC 1321. All that depends on `STEP`, but for its sine, is known when this is compiled.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as a call, a step costs more than its work")]
fn step<const STEP: usize>([a, b, c, d]: [u32; 4], block: &[u8; BLOCK], sines: &[u32; 64]) -> [u32; 4] {
    // The second mixes by `+`, which is `|` here since no bit is in both, and can start before `b` is known.
    let (mixed, word) = match STEP / 16 {
        0 => (d ^ (b & (c ^ d)), STEP),
        1 => ((b & d).wrapping_add(c & !d), (5 * STEP + 1) % 16),
        2 => (b ^ (c ^ d), (3 * STEP + 5) % 16),
        _ => (c ^ (b | !d), (7 * STEP) % 16),
    };
    let word = u32::from_le_bytes(block.as_chunks().0[word]);
    let sum = a.wrapping_add(word).wrapping_add(sines[STEP]).wrapping_add(mixed);
    [d, b.wrapping_add(sum.rotate_left(TURNS[STEP / 16][STEP % 4])), b, c]
}

/// By how many bits each round turns its sums.
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The first 32 bits behind the point of |sin(1)|, |sin(2)| and so on.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

#[cfg(test)]
mod tests {
    use md5::Digest as _;

    use super::*;

    fn known(bytes: &[u8]) -> Md5 {
        Md5(md5::Md5::digest(bytes).into())
    }

    #[test]
    fn both_md5s_are_right_whatever_the_lengths_and_pieces() {
        let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_be_bytes).collect();
        for first in [0, 1, 55, 56, 63, 64, 65, 119, 128, 1000] {
            for second in [0, 64, 1000, 5000] {
                for piece in [1, 7, 64, 100, 4096] {
                    let (a, b) = (&bytes[..first], &bytes[100..100 + second]);
                    let mut pair = Md5Pair::new();
                    let (mut a_pieces, mut b_pieces) = (a.chunks(piece), b.chunks(piece + 3));
                    loop {
                        match (a_pieces.next(), b_pieces.next()) {
                            (None, None) => break,
                            (a, b) => pair.update(a.unwrap_or_default(), b.unwrap_or_default()),
                        }
                    }
                    assert_eq!(pair.finish(), [known(a), known(b)], "{first} and {second} bytes by {piece}");
                }
            }
        }
    }
}
