//! What mail programs write of their own accord, in the languages they speak. All in lower case.
//!
//! The rules go by shape; these tables are for what shape alone cannot tell. A new language needs no row as long as its
//! programs put dates, addresses, colons and names of devices where all others do.

mod added;
mod below;
mod programs;

pub use added::*;
pub use below::*;
pub use programs::*;

use super::phrases::Words;

/// Verbs of the line above a quote: "On 3 May, Anna wrote:".
pub static WROTE: Words = Words::new(
    "quoting|zitat von|citando|citazione|citeren|cytowanie|citace|citát|citat från|citerar|цитирую|wrote|writes|schreibt|\
     écrit|escribe|escreve|skriver|schrieb|geschrieben|a écrit|écrivait|escribió|escribio|escreveu|ha scritto|scrive|schreef|пишет|писал|\
     писала|писал(а)|написал|написала|написал(а)|skrev|napisał|napisała|napisał(a)|napsal|napsal(a)|napísal(a)|\
     napísal|kirjoitti|ezt írta|írta|yazdı|пише|написав|пиша|написа|έγραψε|a scris|je napisao|je napisao/la|\
     je pisao|napisao je|je napisal|rašė|rakstīja|kirjutas|ha escrit|escribiu|idatzi du|đã viết|menulis|כתב|كتب|\
     نوشت|เขียนว่า|ने लिखा|のメール|さんは書きました|书写|写道|寫道|작성|쓴 글",
);

/// Beginnings of a line above a quote that names its writer behind them.
pub static CITES: Words =
    Words::new("quoting |zitat von |citando |citazione di |citeren |cytowanie |citace |citát |citat från ");

/// Titles that stand above the history.
pub static ORIGINAL: Words = Words::new(
    "original message|original mail|original nachricht|original-nachricht|originalmeddelande|mail original|\
     oprindelig besked|mensaje inicial|original appointment|ursprüngliche nachricht|originalnachricht|ursprünglicher termin|\
     message d'origine|message original|mensaje original|mensagem original|messaggio originale|\
     oorspronkelijk bericht|исходное сообщение|оригинальное сообщение|ursprungligt meddelande|\
     oprindelig meddelelse|opprinnelig melding|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|\
     původní e-mail|pôvodná správa|eredeti üzenet|mesaj original|mesajul original|αρχικό μήνυμα|orijinal ileti|\
     orijinal mesaj|izvorna poruka|originalna poruka|izvirno sporočilo|оригинално съобщение|\
     оригінальне повідомлення|alkuperäinen viesti|algkiri|sākotnējais ziņojums|pradinis laiškas|\
     missatge original|thư gốc|pesan asli|ข้อความต้นฉบับ|הודעה מקורית|الرسالة الأصلية|پیام اصلی|元のメッセージ|原始邮件|\
     原始郵件|원본 메시지",
);

/// Titles that stand above a forwarded mail.
pub static FORWARDED: Words = Words::new(
    "forwarded message|begin forwarded message|start of forwarded message|forwarded by|weitergeleitete nachricht|\
     anfang der weitergeleiteten nachricht|message transféré|début du message transféré|\
     début du message réexpédié|message réexpédié|mensaje reenviado|inicio del mensaje reenviado|\
     mensagem encaminhada|mensagem reencaminhada|início da mensagem encaminhada|início da mensagem reencaminhada|\
     messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht|begin doorgestuurd bericht|\
     пересылаемое сообщение|пересланное сообщение|начало переадресованного сообщения|\
     начало переадресованного письма|переслане повідомлення|vidarebefordrat meddelande|vidarebefordrat brev|\
     videresendt besked|videresendt melding|videresendt meddelelse|edelleenlähetetty viesti|välitetty viesti|\
     wiadomość przekazana|przekazana wiadomość|přeposlaná zpráva|preposlaná správa|továbbított üzenet|\
     mesaj redirecționat|iletilen ileti|iletilmiş mesaj|προωθημένο μήνυμα|препратено съобщение|\
     proslijeđena poruka|posredovano sporočilo|missatge reenviat|转发的邮件|轉寄郵件|転送されたメッセージ|전달된 메시지|\
     thư được chuyển tiếp|הודעה שהועברה|رسالة معاد توجيهها",
);

/// Marks of an answer in a subject, without the colon.
pub static ANSWER_PREFIX: Words = Words::new(crate::message::title::ANSWER_MARKS);

/// Marks of a forward in a subject, without the colon.
pub static FORWARD_PREFIX: Words = Words::new(
    "fw|fwd|wg|tr|rv|enc|i|doorst|fs|vb|vl|pd|i̇lt|ilt|továbbítás|trs|prsl|fyi fw|weitergeleitet|转发|轉寄|転送|전달|\
     إعادة توجيه|הועבר|προώθ|пересл|пер|fwd fw|переслано|препр|chuyển tiếp|trt|prosl",
);

/// What mail servers put before a subject, or above a text, of a mail from outside.
pub static EXTERNAL_TAG: Words = Words::new(
    "external|ext|external email|external e-mail|external mail|external message|external sender|from external|\
     extern|externe|externe e-mail|externe email|externe mail|extern e-mail|extern mail|externer absender|\
     expéditeur externe|courriel externe|courriel de l'extérieur|externo|correo externo|remitente externo|remetente externo|email externo|esterno|\
     mittente esterno|mail esterna|email esterna|externí|zewnętrzny|внешнее|внешний|внешняя почта|ulkoinen|\
     ekstern|outside|ext mail|ext email|ext sender|external to org|外部|外部邮件|外部メール",
);

/// What scanners put before a subject, in a frame.
pub static SPAM_TAG: Words = Words::new(
    "spam|spam mail|possible spam|probable spam|likely spam|suspected spam|suspect spam|spam suspect|spam suspected|\
     maybe spam|junk mail|spamverdacht|spam-verdacht|möglicher spam|spam?|спам|возможно спам|подозрение на спам|\
     posible spam|possibile spam|possível spam|垃圾邮件|迷惑メール",
);

/// Labels of the header above an earlier mail: who wrote it.
pub static FROM: Words = Words::new(
    "from|von|de|da|van|от|от кого|fra|från|od|差出人|发件人|寄件者|寄件人|보낸 사람|보낸사람|lähettäjä|από|de la|kimden|gönderen|\
     feladó|від|nadawca|odesílatel|odosielateľ|מאת|من|از|từ|dari|จาก|saatja|no|nuo|šalje|šalje:|pošiljatelj",
);

/// Labels of the time of writing in a header block.
pub static SENT: Words = Words::new(
    "sent|date|gesendet|datum|envoyé|envoyé le|enviado|enviado el|enviada|enviada em|enviado em|fecha|data|\
     inviato|verzonden|отправлено|дата|skickat|sendt|送信日時|发送时间|寄件日期|傳送時間|日期|日時|보낸 날짜|날짜|lähetetty|päivämäärä|\
     στάλθηκε|ημερομηνία|trimis|gönderildi|tarih|gönderme tarihi|elküldve|dátum|надіслано|odesláno|wysłano|\
     wysłane|odoslané|נשלח|تم الإرسال|التاريخ|تاريخ|poslano|изпратено|saadetud|išsiųsta|nosūtīts|đã gửi|ngày|\
     terkirim|tanggal|dikirim|ส่งเมื่อ|วันที่|dato|enviat",
);

/// Labels of recipients in a header block.
pub static TO: Words = Words::new(
    "to|cc|bcc|reply-to|an|à|para|a|aan|кому|копия|till|til|do|kopie|kopia|antwort an|répondre à|importance|\
     wichtigkeit|宛先|收件人|抄送|收件者|副本|받는 사람|참조|vastaanottaja|kopio|προς|κοιν|către|kime|kopya|címzett|másolatot kap|\
     komu|prima|za|až|אל|עותק|إلى|نسخة|đến|tới|kepada|ถึง|saaja|kam|kam:|organization|organisation",
);

/// Labels of the subject in a header block.
pub static SUBJECT: Words = Words::new(
    "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|тема|ämne|emne|temat|件名|主题|主旨|主題|제목|aihe|θέμα|\
     subiect|konu|tárgy|předmět|predmet|נושא|الموضوع|موضوع|chủ đề|subjek|perihal|เรื่อง|teema|tēma|tema|assumpte|\
     относно",
);

/// Words with which a mail greets.
pub static GREETING: Words = Words::new(
    "hi|hello|hey|dear|hallo|hej|hei|liebe|lieber|moin|servus|guten|bonjour|salut|cher|chère|coucou|hola|\
     estimado|estimada|querido|querida|buenas|buenos|olá|oi|caro|cara|ciao|buongiorno|gentile|beste|dag|\
     goedemorgen|привет|здравствуйте|добрый|дорогой|дорогая|cześć|dzień|witaj|ahoj|dobrý|szia|kedves|bună|\
     merhaba|selam|sayın|γεια|αγαπητέ|вітаю|привіт|здравей|bok|pozdrav|tere|labas|sveiki|שלום|היי|مرحبا|السلام|\
     سلام|xin|chào|halo|สวัสดี|नमस्ते|こんにちは|お世話になっております|你好|您好|안녕하세요|kia|aloha|ahoy",
);

/// An HTML part that says this may be no text at all.
pub static ONLY_PLAIN: Words = Words::new(
    "plain text part|plain text version|plain-text part|plain-text version|text version of this|text/plain|\
     the text part|textteil|nur-text|textversion|version texte|texte brut|versión de texto|texto sin formato|texto simples|\
     versione testo|testo semplice|tekstversie|platte tekst|wersja tekstowa|текстовую версию",
);

/// A plain part that only says this is no text at all.
pub static ONLY_HTML: Words = Words::new(
    "view in html|view this email in your browser|view this message in your browser|html version|html format|\
     html-format|html-e-mail|html email|html-capable|html mail|html message|does not support html|\
     doesn't support html|not display html|unterstützt kein html|kein html|au format html|en formato html|\
     in formato html|does not support the display of html|enable html|html-fähig|rich text|html-compatible|\
     compatible html|compatible con html|compatível com html|formato html|format html|html-formaat|html формат|\
     формате html",
);
