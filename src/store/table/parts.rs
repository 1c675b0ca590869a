//! What keys and values are made of, and the bytes that they are in the file.

/// The type that redb has for all values.
pub type Bytes = &'static [u8];

/// What keys and values are made of.
pub trait Part: 'static {
    type Is<'a>: Copy;
    fn put(part: Self::Is<'_>, to: &mut Vec<u8>);
    /// Takes the part from the beginning; `None` when that is none.
    fn take<'a>(from: &mut &'a [u8]) -> Option<Self::Is<'a>>;
}

/// A key, as it is given and as it lies in the file.
pub trait Key: 'static {
    type Is<'a>: Copy;
    type Raw: redb::Key + 'static;
    const FORM: Form;
    /// `room` holds the bytes of a key that has to be written.
    fn raw<'a, 'k: 'a>(key: Self::Is<'k>, room: &'a mut Vec<u8>) -> Raw<'a, Self>;
    // Bound to itself, as its kind has to be the same where the key in the file has no lifetime.
    fn typed<'a: 'a>(raw: Raw<'a, Self>) -> Option<Self::Is<'a>>;
}

/// A key in the form in which the file has it.
pub type Raw<'a, K> = <<K as Key>::Raw as redb::Value>::SelfType<'a>;

/// Which type of redb the keys of a table have. The numbers stand in the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Numbers = 0,
    Texts = 1,
    Bytes = 2,
}

/// The type of the values of a table.
pub trait Value: 'static {
    type Is<'a>: Copy;
    /// `room` holds the bytes of a value that has to be written.
    fn bytes<'a, 'v: 'a>(value: Self::Is<'v>, room: &'a mut Vec<u8>) -> &'a [u8];
    fn typed(bytes: &[u8]) -> Option<Self::Is<'_>>;
}

macro_rules! unsigned {
    ($($number:ty),*) => {$(
        impl Part for $number {
            type Is<'a> = Self;

            fn put(part: Self, to: &mut Vec<u8>) {
                to.extend(part.to_be_bytes());
            }

            fn take(from: &mut &[u8]) -> Option<Self> {
                let (bytes, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_be_bytes(*bytes))
            }
        }
    )*};
}
unsigned!(u8, u16, u32, u64);

const SIGN: u64 = 1 << 63;

impl Part for i64 {
    type Is<'a> = Self;

    fn put(part: Self, to: &mut Vec<u8>) {
        u64::put(part.cast_unsigned() ^ SIGN, to);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((u64::take(from)? ^ SIGN).cast_signed())
    }
}

impl Part for f64 {
    type Is<'a> = Self;

    fn put(part: Self, to: &mut Vec<u8>) {
        u64::put(part.to_bits(), to);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self::from_bits(u64::take(from)?))
    }
}

impl Part for &'static str {
    type Is<'a> = &'a str;

    fn put(part: &str, to: &mut Vec<u8>) {
        to.extend(part.bytes().map(|byte| byte.max(1)).chain([0]));
    }

    fn take<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
        let end = from.iter().position(|byte| *byte == 0)?;
        let (text, rest) = (std::str::from_utf8(&from[..end]).ok()?, &from[end + 1..]);
        *from = rest;
        Some(text)
    }
}

macro_rules! tuples {
    ($(($($part:ident $at:tt),*)),*) => {$(
        impl<$($part: Part),*> Part for ($($part,)*) {
            type Is<'a> = ($($part::Is<'a>,)*);

            fn put(part: Self::Is<'_>, to: &mut Vec<u8>) {
                $($part::put(part.$at, to);)*
            }

            fn take<'a>(from: &mut &'a [u8]) -> Option<Self::Is<'a>> {
                Some(($($part::take(from)?,)*))
            }
        }

        impl<$($part: Part),*> Key for ($($part,)*) {
            type Is<'a> = ($($part::Is<'a>,)*);
            type Raw = Bytes;
            const FORM: Form = Form::Bytes;

            fn raw<'a, 'k: 'a>(key: Self::Is<'k>, room: &'a mut Vec<u8>) -> &'a [u8] {
                <Self as Value>::bytes(key, room)
            }

            fn typed<'a: 'a>(raw: &'a [u8]) -> Option<Self::Is<'a>> {
                <Self as Value>::typed(raw)
            }
        }
    )*};
}
tuples!((A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3));

impl Key for u64 {
    type Is<'a> = Self;
    type Raw = Self;
    const FORM: Form = Form::Numbers;

    fn raw<'a, 'k: 'a>(key: Self, _: &'a mut Vec<u8>) -> Self {
        key
    }

    fn typed<'a: 'a>(raw: Self) -> Option<Self> {
        Some(raw)
    }
}

impl Key for u32 {
    type Is<'a> = Self;
    type Raw = Bytes;
    const FORM: Form = Form::Bytes;

    fn raw<'a, 'k: 'a>(key: Self, room: &'a mut Vec<u8>) -> &'a [u8] {
        <Self as Value>::bytes(key, room)
    }

    fn typed<'a: 'a>(raw: &'a [u8]) -> Option<Self> {
        <Self as Value>::typed(raw)
    }
}

impl Key for &'static str {
    type Is<'a> = &'a str;
    type Raw = Self;
    const FORM: Form = Form::Texts;

    fn raw<'a, 'k: 'a>(key: &'k str, _: &'a mut Vec<u8>) -> &'a str {
        key
    }

    fn typed<'a: 'a>(raw: &'a str) -> Option<&'a str> {
        Some(raw)
    }
}

impl<P: Part> Value for P {
    type Is<'a> = P::Is<'a>;

    fn bytes<'a, 'v: 'a>(value: Self::Is<'v>, room: &'a mut Vec<u8>) -> &'a [u8] {
        room.clear();
        P::put(value, room);
        room
    }

    fn typed(mut bytes: &[u8]) -> Option<Self::Is<'_>> {
        let part = P::take(&mut bytes)?;
        bytes.is_empty().then_some(part)
    }
}

impl Value for () {
    type Is<'a> = ();

    fn bytes<'a, 'v: 'a>((): (), _: &'a mut Vec<u8>) -> &'a [u8] {
        &[]
    }

    fn typed(bytes: &[u8]) -> Option<()> {
        bytes.is_empty().then_some(())
    }
}

impl Value for Bytes {
    type Is<'a> = &'a [u8];

    fn bytes<'a, 'v: 'a>(value: &'v [u8], _: &'a mut Vec<u8>) -> &'a [u8] {
        value
    }

    fn typed(bytes: &[u8]) -> Option<&[u8]> {
        Some(bytes)
    }
}
