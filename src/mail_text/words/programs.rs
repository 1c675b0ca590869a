//! Lines of mail programs that stand below a text, and what a writer puts there. All in lower case.

use crate::mail_text::phrases::Words;

/// Labels before the name of the program that sent a mail.
pub static ORIGIN_LABEL: Words = Words::new(
    "provenance|envoyé par|expédié par|origine|origen|origem|provenienza|herkunft|herkomst|afkomst|pochodzenie|původ|pôvod|\
     ursprung|oprindelse|opprinnelse|kaynak|proveniență|источник|джерело|източник|προέλευση|allkiri|lähde|forrás|来自|來自|発信元|보낸 곳|המקור|المصدر",
);

/// The mail program of Windows, in the languages that it speaks.
pub static WINDOWS_MAIL: Words = Words::new(
    "mail for windows|mail für windows|courrier pour windows|correo para windows|correio para windows|email para windows|\
     e-mail para windows|posta per windows|mail voor windows|e-post för windows|e-post for windows|mail til windows|\
     windowsin sähköposti|poczta dla systemu windows|poczta systemu windows|pošta pro windows|pošta pre windows|posta windows|\
     windows posta|mail pentru windows|windows için posta|αλληλογραφία για windows|почта для windows|пошта для windows|\
     поща за windows|pošta za windows|windowsi meil|windows pasts|windows paštas|correu per a windows|windows 版邮件|\
     windows 版郵件|windows 用メール|windows용 메일|דואר עבור windows|البريد لـ windows|البريد لنظام windows|thư cho windows|\
     email untuk windows|จดหมายสำหรับ windows",
);

/// Beginnings of an afterword, such as `PS:`.
pub static AFTERWORD: Words = Words::new(
    "ps:|ps |p.-s|p-s|p.‑s|ps–|ps-|ps.|ps,|p.s.|p.s:|p.s |pps|p.p.s|nb:|nb |n.b.|p.d.|pd:|pd.|postdata|posdata|post scriptum|post-scriptum|nachtrag|\
     зы:|зы |з.ы.|p. s.|постскриптум|υ.γ.|υγ:|ui:|u.i.|ui.|i.m.|i.j.|dk.|附言|又及|追伸|추신|נ.ב|ملاحظة|ps!",
);

/// Words for *for* before what an offered program runs on.
pub static FOR: Words = Words::new(
    "für|for|för|pour|para|voor|til|fyrir|za|pro|pre|per|a|pentru|systemu|untuk|cho|kwa|için|skirtą|ar|dla|għal",
);

/// Words for *on*, with which people say what they run a program on.
pub static ON: Words = Words::new(
    "auf|på|á|sur|op|on|onto|en|su|sul|sull|na|pe|no|nu|на|у|в|στο|σε|in|i|bei|mit|med|with|to|till|mein|meinem|min|mijn|mon|mi|meu|mio",
);

/// Addresses that stand behind the offer of Outlook for a telephone, in any language.
pub static OFFER_LINKS: Words = Words::new("aka.ms/aab9ysg|aka.ms/o0ukef|aka.ms/ghei36|aka.ms/qtex0l");

/// How a list says in a part of its own that one may leave it, and its addresses.
pub static LISTED: Words = Words::new(
    "unsubscri|desinscri|désinscri|desabonn|désabonn|/listinfo|/sympa|mailman/|@lists.|@listes.|@listen.|@lista.|@listas.|-request@",
);

/// Labels before the address by which one leaves a list.
pub static LEAVE_LABEL: Words = Words::new(
    "unsubscribe|leave|abmelden|abmeldung|austragen|afmelden|uitschrijven|avregistrera|avprenumerera|avmelding|afmelding|dar de baja|\
     darse de baja|cancellarsi|cancellazione|отписаться|отписка|wypisz się|rezygnacja|odhlásit|odhlášení",
);

/// Offers of Outlook begin or end with these, too: words that people use for much else.
pub static GET_OUTLOOK: Words = Words::new(
    "obtenga|získejte|をダウンロード|beziehen|herunterladen|downloaden|다운로드|받기|letöltése|beszerzése|を入手する|ダウンロード|الحصول|احصل|قم|קבל|รับ|алу|მიიღეთ|получить|beschaffen|télécharger|دریافت|کنید|करें|gaukite|obteniu|obtén|skaffa|skaff|få|fá|uzyskaj|получи|получите|отримайте|изтеглете|pridobite|prenesite|iegūstiet|hankige|\
     eskuratu|nhận",
);
