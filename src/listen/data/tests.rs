use super::*;
use testing::{Dice, Folder};

fn files(folder: &Folder) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn bytes(body: Body) -> Vec<u8> {
    match body {
        Body::Memory(bytes) => bytes,
        Body::File(file) => fs::read(file.path()).unwrap(),
    }
}

/// Feeds `input` in pieces of `size`; gives what is left behind the end, and the mail.
fn read(input: &[u8], size: usize, limit: u64) -> Option<(usize, Result<Vec<u8>, Flaw>)> {
    let mut reader = Reader::new(limit, Path::new("/nonexistent"));
    let mut done = 0;
    for piece in input.chunks(size) {
        match reader.take(piece) {
            Progress::More => done += piece.len(),
            Progress::End(used, mail) => return Some((input.len() - done - used, mail.map(bytes))),
            Progress::Flood => return None,
        }
    }
    None
}

#[test]
fn only_a_dot_between_two_cr_lf_ends_a_mail() {
    let next = "MAIL FROM:<evil@x>\r\n";
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\r\n.\0\r\n",
        "\r\n\0.\r\n",
        "\n.\r",
        "\r\r\n.\n",
        "\r\n.\r\r\n",
        "\n\r\n.\n",
    ] {
        for size in [1, 2, 3, 1000] {
            let input = format!("text{end}{next}\r\n.\r\nQUIT\r\n");
            let (left, mail) = read(input.as_bytes(), size, 1000).unwrap();
            assert_eq!(left, "QUIT\r\n".len(), "{end:?} in pieces of {size}");
            let smuggled = mail.map(|mail| mail.ends_with(next.as_bytes()) || mail.ends_with(b"\r\n\r\n"));
            assert!(matches!(smuggled, Err(Flaw::BareLineEnd) | Ok(true)), "{end:?} in pieces of {size}");
            assert_eq!(smuggled.is_ok(), end.contains('\0'), "{end:?}: only the NUL variants have whole line ends");
        }
    }
}

#[test]
fn dots_are_unstuffed() {
    for (wire, mail) in [
        (".\r\n", ""),
        ("a\r\n.\r\n", "a\r\n"),
        ("..\r\n...b\r\n.\r\n", ".\r\n..b\r\n"),
        ("a.\r\nb\r\n.\r\n", "a.\r\nb\r\n"),
        (".a\r\n.\r\n", "a\r\n"),
        ("\r\n\r\n.\r\n", "\r\n\r\n"),
    ] {
        for size in [1, 2, 5, 100] {
            assert_eq!(read(wire.as_bytes(), size, 1000), Some((0, Ok(mail.into()))), "{wire:?} in pieces of {size}");
        }
    }
}

#[test]
fn a_large_mail_goes_to_disk_and_an_unwanted_one_leaves_nothing() {
    let folder = Folder::new();
    let line = [b"x".repeat(998), b"\r\n".to_vec()].concat();
    let mail = line.repeat(300);
    let wire = [mail.as_slice(), b".\r\n"].concat();

    let mut reader = Reader::new(1_000_000, &folder);
    let Progress::More = reader.take(&wire[..200_000]) else { panic!() };
    assert!(reader.contents.store.memory.capacity() <= 3 * IN_MEMORY);
    let Progress::End(_, Ok(Body::File(file))) = reader.take(&wire[200_000..]) else { panic!() };
    assert_eq!(fs::read(file.path()).unwrap(), mail);
    drop(file);
    assert_eq!(files(&folder), 0);

    let mut reader = Reader::new(1_000_000, &folder);
    reader.take(&wire[..200_000]);
    assert_eq!(files(&folder), 1);
    drop(reader);
    assert_eq!(files(&folder), 0, "the client left in the middle");

    let mut reader = Reader::new(1_000_000, &folder);
    let Progress::End(_, Ok(Body::File(file))) = reader.take(&wire) else { panic!() };
    // As after a crash: nobody is left to remove it.
    std::mem::forget(file);
    assert_eq!(files(&folder), 1);
    sweep(&folder).unwrap();
    assert_eq!(files(&folder), 0);
}

#[test]
fn size_is_limited_and_a_flood_is_cut() {
    let wire = |size: usize| [&b"y".repeat(size - 2)[..], b"\r\n.\r\n"].concat();
    assert!(matches!(read(&wire(100), 7, 100), Some((0, Ok(_)))));
    assert_eq!(read(&wire(101), 7, 100), Some((0, Err(Flaw::TooBig))));
    assert_eq!(read(&wire(190), 7, 100), Some((0, Err(Flaw::TooBig))));
    assert_eq!(read(&wire(400), 7, 100), None);
    assert_eq!(read(&wire(200_000), 4096, 1_000_000), Some((0, Err(Flaw::NoRoom))));
}

#[test]
fn any_bytes_in_any_pieces_give_the_same() {
    let mut dice = Dice::new(0x9e37_79b9_7f4a_7c15);
    for _ in 0..100_000 {
        let input: Vec<u8> = (0..dice.index(24)).map(|_| b"\r\r\n\n..a\0"[dice.index(8)]).collect();
        let whole = read(&input, input.len().max(1), 1000);
        assert_eq!(whole, read(&input, 1 + dice.index(4), 1000), "{:?}", input.escape_ascii().to_string());
        let end = std::iter::once(&b"\r\n"[..]).chain([&input[..]]).collect::<Vec<_>>().concat();
        let end = end.windows(5).position(|five| five == b"\r\n.\r\n").map(|at| input.len() - at - 3);
        assert_eq!(whole.map(|(left, _)| left), end, "{:?}", input.escape_ascii().to_string());
    }
}
