//! The models that there are. Each number is given once: any change of a byte of the primer, of a context or of a
//! constant makes a new number, and a box keeps the numbers that its peers may still use.

/// A row of the table of models.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its number on air, below 16.
    pub number: u8,
    /// What it is made of, and what it learns first.
    pub(super) make: Make,
    /// Rows of its big table, of 32 bytes each.
    pub(super) rows: usize,
    /// Bytes of memory that it takes, about; a message adds up to half a megabyte while it is coded.
    pub memory: usize,
    /// SHA-256 of its primed state. A model that comes out otherwise would be understood by nobody.
    pub(super) state: [u8; 32],
}

/// In which way a model is built, and on which texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// Five mixers; the words of brotli, then our texts, kind by kind.
    First,
    /// A sixth mixer, two stages behind the last one, a wider choice of rows, fixed prices for kinds and numbers; counted
    /// words, mixed texts.
    Second,
    /// The same with more texts of many hands.
    Third,
    /// A seventh mixer and a third stage: more counted words, asked as such beside what was learned of them.
    Fourth,
    /// Two contexts more; those that were seen once have no rows; all counted words as lines too, and texts of more hands.
    Fifth,
}

/// All models, the best first.
pub static MODELS: [Spec; 6] = [
    Spec {
        number: 6,
        make: Make::Fifth,
        rows: 27 << 16,
        memory: 85 << 20,
        state: hex(include_str!("../golden/model-6.sha256")),
    },
    Spec {
        number: 5,
        make: Make::Fourth,
        rows: 1 << 21,
        memory: 86 << 20,
        state: hex(include_str!("../golden/model-5.sha256")),
    },
    Spec {
        number: 4,
        make: Make::Third,
        rows: 1 << 21,
        memory: 80 << 20,
        state: hex(include_str!("../golden/model-4.sha256")),
    },
    Spec {
        number: 3,
        make: Make::Second,
        rows: 1 << 21,
        memory: 80 << 20,
        state: hex(include_str!("../golden/model-3.sha256")),
    },
    Spec {
        number: 1,
        make: Make::First,
        rows: 1 << 20,
        memory: 38 << 20,
        state: hex(include_str!("../golden/model-1.sha256")),
    },
    Spec {
        number: 2,
        make: Make::First,
        rows: 1 << 18,
        memory: 14 << 20,
        state: hex(include_str!("../golden/model-2.sha256")),
    },
];

impl Spec {
    /// Finds the model of this number; `None` where this build has none of it.
    pub fn find(number: u8) -> Option<&'static Self> {
        MODELS.iter().find(|spec| spec.number == number)
    }

    /// What peers tell each other of a model beside its number, so that two builds that differ find out.
    pub fn mark(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.state;
        [a, b, c, d]
    }
}

/// 64 hex digits, as `sha256sum` prints them.
const fn hex(digits: &str) -> [u8; 32] {
    let digits = digits.as_bytes();
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 64 {
        let digit = match digits[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("not a hash"),
        };
        bytes[at / 2] = bytes[at / 2] << 4 | digit;
        at += 1;
    }
    bytes
}
