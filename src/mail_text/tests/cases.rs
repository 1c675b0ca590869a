//! Mails from the field, each with what has to go on air: `tests/cases-mail/expected.json`, or that of another folder,
//! `SATPOST_CASES`.

use std::fs;

use serde_json::Value;

use super::*;

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn each_mail_from_the_field_comes_out_right() {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases-mail");
    let folder = std::env::var_os("SATPOST_CASES").map_or_else(own, PathBuf::from);
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let cases = expected["mails"].as_array().unwrap();
    assert!(cases.len() >= 100, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let file = case["file"].as_str().unwrap();
        let shaped = shape(&fs::read(folder.join(file)).unwrap(), &TRIM);
        check(&shaped);
        let on_air = on_air(&shaped);
        let list = |name: &str| case[name].as_array().cloned().unwrap_or_default();
        let has = |part: &Value| format!("{}\n", on_air).contains(part.as_str().unwrap());
        let same = case["text"].as_str().is_none_or(|text| words(text) == words(&on_air));
        let known = case["automatic"].as_bool().is_none_or(|automatic| automatic == shaped.automatic.is_some());
        if !same || !known || !list("must").iter().all(has) || list("must_not").iter().any(has) {
            wrong.push(format!("{file}: {:?} {:?} {:?}", on_air, shaped.cut, shaped.automatic));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
