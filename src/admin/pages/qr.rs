//! QR codes.

use qrcodegen::{QrCode, QrCodeEcc};

/// Draws a text as a QR code in SVG: one path of squares, with the margin of four that readers need. `label` is what is read
/// aloud in its place; it is put in as it is.
pub fn picture(text: &str, label: &str) -> String {
    const MARGIN: i32 = 4;
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let size = code.size();
    let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
    let squares: String = dark.map(|(x, y)| format!("M{},{}h1v1h-1z", x + MARGIN, y + MARGIN)).collect();
    let whole = size + 2 * MARGIN;
    format!(
        "<svg class=qr viewBox=\"0 0 {whole} {whole}\" role=img aria-label=\"{label}\" \
         shape-rendering=crispEdges><path fill=\"#fff\" d=\"M0,0h{whole}v{whole}H0z\"/><path fill=\"#000\" \
         d=\"{squares}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_with_its_three_corners() {
        let drawn = picture("K7QM-3XPD-0V9A-TN5C-R2HJ", "The code");
        assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>"));
        // The corner begins behind the margin.
        assert!(drawn.contains("M4,4h1v1h-1z") && !drawn.contains("M3,"));
        assert!(drawn.len() < 12_000, "{}", drawn.len());
    }
}
