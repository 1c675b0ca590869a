//! The published codes and states.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use super::*;

/// Written for this test; none of them is in the primer.
const SENTENCES: [&str; 17] = [
    "Two days behind plan, the river was too high to cross. Everybody is well.",
    "can u ask Pete if the spare rotor is still in the blue shed? thx",
    "Position 61.2176 N 149.8997 W, wind NW 25 kn, sea 3 m, barometer falling.",
    "Happy 40th! Sorry we miss the party, we drink to you with melted snow.",
    "The generator needs filter no. 8-94-167 and 12 litres of 15W-40 by Friday's plane.",
    "Re: Re: Fwd: invoice 2291 -- PAID. Do NOT send it again!!",
    "Dear Dr. Meyer,\n\nthe rash is gone after three days of the ointment. Shall we stop?\n\nThank you,\nLena",
    "ok",
    "",
    "Cruzamos el estrecho sin problemas; mañana descansamos en la bahía.",
    "Le refuge est plein, nous dormons sous la tente. Tout va bien à bord ?",
    "Der Anlasser klemmt wieder, bitte schick uns die kleine Säge und Schrauben M8.",
    "A maré baixou cedo e ficamos presos no banco de areia até à noite.",
    "Связь плохая, напишу ещё раз вечером. Лёд уже тонкий.",
    "我们明天早上出发去北边的营地,天气很冷。",
    "\u{1f6f0}\u{fe0f} 73 de LA9XYZ QTH JP99 \t {\"a\":[1,2,3]} <b>&amp;</b> \\\\server\\x $1,234.56",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Each sentence as a text, as a mail, with an index, and in a bundle with the one before: 68 messages.
fn messages() -> Vec<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    let mut before = Vec::new();
    for (at, sentence) in SENTENCES.iter().enumerate() {
        let text = format!("\x01+4475005501{at:02}\n{sentence}").into_bytes();
        let mail = format!("\x02crew{at}@station.example\nDay {at}\n{sentence}").into_bytes();
        let named = format!("\x0fanna\n{}{at}\n{sentence}", char::from(40 + at as u8)).into_bytes();
        all.extend([vec![text.clone()], vec![mail.clone()], vec![named]]);
        all.push(vec![mail, before, text.clone()]);
        before = text;
    }
    all
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn codes(coder: &mut Coder) -> String {
    messages().iter().map(|records| hex(&coder.encode(records)) + "\n").collect()
}

/// Each sentence as a mail after the two before it: what both ends remember says the same at both.
fn codes_after(coder: &mut Coder) -> String {
    let mails: Vec<Vec<u8>> = SENTENCES.iter().map(|sentence| format!("\x06(\nDay\n{sentence}").into_bytes()).collect();
    mails.windows(3).map(|some| hex(&coder.encode_after(&some[..2], &some[2..], 1)) + "\n").collect()
}

#[test]
fn golden_codes_and_states_are_the_published_ones() {
    for (which, spec) in MODELS.iter().enumerate() {
        let mut coder = coder(which);
        let golden = fs::read_to_string(file(&format!("model-{}.codes", spec.number))).unwrap();
        let codes = codes(&mut coder);
        for ((records, code), published) in messages().iter().zip(codes.lines()).zip(golden.lines()) {
            assert_eq!(code, published, "model {}: {:?}", spec.number, String::from_utf8_lossy(&records[0]));
        }
        assert_eq!(codes, golden);
        for (records, code) in messages().iter().zip(golden.lines()) {
            let code: Vec<u8> =
                (0..code.len()).step_by(2).map(|at| u8::from_str_radix(&code[at..at + 2], 16).unwrap()).collect();
            assert_eq!(coder.decode(&code).as_ref(), Some(records));
        }
        let after = fs::read_to_string(file(&format!("model-{}.after", spec.number))).unwrap();
        assert_eq!(codes_after(&mut coder), after, "model {} after others", spec.number);
        assert_eq!(hex(&coder.state()), hex(&spec.state), "state of model {}", spec.number);
        assert_eq!(spec.mark(), spec.state[..4]);
        assert_eq!(Spec::find(spec.number), Some(spec));
    }
    assert_eq!(Spec::find(15), None);
}

#[test]
#[ignore = "writes anew what all models make of messages that come after others"]
fn write_after_by_hand() {
    for (which, spec) in MODELS.iter().enumerate() {
        fs::write(file(&format!("model-{}.after", spec.number)), codes_after(&mut coder(which))).unwrap();
    }
}

#[test]
#[ignore = "writes the golden files of the best model anew"]
fn write_golden_by_hand() {
    let spec = &MODELS[0];
    let mut coder = coder(0);
    fs::write(file(&format!("model-{}.codes", spec.number)), codes(&mut coder)).unwrap();
    fs::write(file(&format!("model-{}.after", spec.number)), codes_after(&mut coder)).unwrap();
    fs::write(file(&format!("model-{}.sha256", spec.number)), hex(&coder.state()) + "\n").unwrap();
}
