//! Words of what telephones, programs and servers add to a text.

use crate::mail_text::phrases::Words;

/// Beginnings of the words for *sent* (and *written*, *made*) in the line that a telephone adds.
pub static SENT_STEMS: Words = Words::new(
    "sent|gesendet|geschickt|verschickt|geschrieben|envoyé|envoye|enviado|enviada|enviat|inviat|scritto|\
     verzonden|verstuurd|gestuurd|отправлен|послан|надісла|відправлен|изпратен|пратено|skickat|skickad|sänt|\
     sendt|lähete|kirjoitettu|wysła|odeslán|odoslan|poslan|poslato|küldve|küldtem|küldött|trimis|expediat|gönder|\
     iletil|elküld|αποστολή|στάλ|εστάλ|απεστάλ|saadetud|išsiųst|siųsta|nosūtīt|sūtīt|bidalia|bidali|נשלח|الإرسال|إرسال|أرسل|\
     أُرسل|ارسال|فرستاده|gửi|dikirim|terkirim|dihantar|भेजा|ส่ง|გაგზავნ|ուղարկված|dërguar|enviáu|anfonwyd|seolta|\
     ipinadala|imetumwa|gestuur|पाठव|পাঠানো|அனுப்ப|పంప|испратен|пратен|послат|адпраўл|жібер|жөнөт|yubor|илгээ|ಕಳುಹಿ|അയച്ച|મોકલ|ਭੇਜ|\
     بھیج|sent úr",
);

/// The same in scripts that put no blanks between words, or glue them to others.
pub static SENT_JOINED: Words = Words::new(
    "送信|发自|發自|发送自|来自|來自|傳送|寄出|傳自|发送|보냄|보낸|보냈|에서 보|전송|ส่งจาก|ส่งโดย|الإرسال|أُرسلت|أرسلت|مرسل|ارسال شده|נשלח|\
     भेजा गया|से भेजा|পাঠানো|გაგზავნილია",
);

/// Beginnings of a line that speaks of the mail itself.
pub static THIS_MESSAGE: Words = Words::new(
    "this email|this e-mail|this message|this mail|diese nachricht|diese e-mail|diese mail|cet e-mail|cet email|\
     ce message|ce mail|ce courriel|este mensaje|este correo|esta mensagem|este e-mail|este email|\
     questo messaggio|questa e-mail|questa email|dit bericht|deze e-mail|это сообщение|это письмо|denne besked|\
     denne e-mail|denne meldingen|detta meddelande|tämä viesti|ta wiadomość|tato zpráva|tento e-mail|táto správa|\
     ez az üzenet|ez az e-mail|acest mesaj|bu ileti|bu e-posta|αυτό το μήνυμα|це повідомлення|това съобщение|\
     ova poruka|to sporočilo|aquest missatge|email sent|mail sent|message sent",
);

/// Words that stand before what somebody sent or wants: it is no device that sends.
pub static ARTICLE: Words = Words::new(
    "the|a|an|my|our|your|his|her|their|this|that|these|two|three|you|him|them|it|us|me|die|das|den|dem|der|ein|\
     eine|einen|mein|meine|meinen|dein|deine|unser|ihm|ihr|dir|euch|le|les|un|une|ton|tes|ses|son|votre|notre|el|\
     los|las|una|tu|su|il|lo|gli|uno|tuo|suo|os|as|um|uma|het|een|jouw|ett|det|sin",
);

/// Words with which no sentence ends: what they lead to stands below.
pub static LEADING: Words = Words::new(
    "to|at|is|are|the|this|these|of|from|by|via|with|and|or|for|follows|an|am|auf|bei|nach|zu|zum|zur|der|dem|den|\
     ist|sind|lautet|lauten|und|oder|von|vom|für|à|au|aux|chez|vers|de|du|des|est|sont|et|ou|par|pour|al|en|es|son|\
     y|el|los|para|por|são|em|ao|aos|da|do|e|o|è|sono|di|presso|naar|aan|bij|op|het|een|en|van|till|hos|på|och|är|\
     og|er|til|osoitteeseen|ja|na|do|pod|jest|są|v|ve|je|jsou|na|в|на|к|у|до|и|по|це|та|și|la|este|ve|στο|στη|στην|\
     είναι|και|לְ|אל|של|إلى|في|هو|و",
);

/// Small words that may stand before a word for *sent*.
pub static AUXILIARY: Words = Words::new(
    "đã|تم|je|se|sa|s-a|bol mail|byl|er|ble|blev|on|mail|email|e-mail|message|post|được|був|было|az|a|был|\
     została|zostało|ta",
);

/// Offers of a program begin with these.
pub static GET: Words = Words::new(
    "get|download|try|holen|hole|laden|obtenir|obtenez|télécharger|téléchargez|obtener|obtén|descargar|descarga|\
     obter|obtenha|baixe|baixar|ottieni|scarica|haal|скачать|получить|получите|установите|hämta|hent|hanki|lataa|\
     pobierz|získat|stáhněte|stáhnout|získajte|töltse|beszerezni|obțineți|descărcați|edinin|indirin|αποκτήστε|\
     λήψη|отримати|завантажити|вземете|nabavite|preuzmite|hangi|gauti|iegūt|tải|dapatkan|获取|下载|取得|下載|を入手|\
     قم|הורד",
);

/// What an offered program runs on.
pub static PLATFORMS: Words = Words::new("ios|android|iphone|ipad|windows|mac|macos|mobile|mobil");

/// Names of devices, then of programs and services. They are the same in every language.
pub static DEVICES: Words = Words::new(
    "iphon|ipad|ipod|galaxy|samsung|huawei|xiaomi|redmi|oneplus|pixel|fairphone|pinephone|librem 5|jolla|htc|moto g|mobile orange|mobile sfr|nokia|blackberry|xperia|motorola|\
     oppo|realme|android|smartphone|handy|windows phone|windows 10|windows 11|mail app|mail-app|telekom mail|华为|\
     小米|三星|荣耀|手机|邮箱|郵箱|갤럭시|삼성|스마트폰|휴대폰|아이폰|スマートフォン|スマホ|ios|macbook|imac|apple watch|outlook|yahoo|gmail|aol|bluemail|blue mail|proton|tutanota|tuta mail|\
     spark|k-9|k9|thunderbird|aqua mail|aquamail|mymail|maildroid|nine mail|zoho|mailspring|mailbird|em client|\
     airmail|edison|canary mail|fairemail|superhuman|polymail|newton mail|gmx|web.de|t-online|freenet|mail.ru|\
     mail для|mail for windows|mail für windows|courrier pour windows|correo para windows|email para windows|\
     windowsin sähköpost|pošta pro windows|pošta pre windows|pošta za windows|poczta dla|posta windows|\
     windows posta|windows için posta|почты для|почта windows|пошти для|поща за windows|mail pentru windows|\
     correu per a windows|windows 版邮件|windows 版郵件|windows 用メール|windows용 메일|workspace one boxer|\
     posta per windows|correio para windows|mail voor windows|windows mail|почты mail|почта mail|mail.com|hushmail|vision pro|lumia|zenfone|typemail|kindle fire|chromebook|nexus 5|nexus 6|nexus 7|nexus 9|email til windows|e-post för windows|пошта для|почта для|яндекс|yandex|\
     rambler|seznam|wp.pl|wp poczta|onet|interia|qq邮箱|foxmail|naver|daum|网易|139邮箱|hotmail|live.com|icloud|fastmail|\
     tapatalk|verizon|t-mobile|vodafone|mail orange|orange mail|at&t|sfr|free mobile|libero mail|virgilio mail|\
     tim mail|laposte|uol|terra mail|bol mail|nextcloud|roundcube|horde imp|typeapp|boomerang|mixmax|mailtrack|\
     sailmail|winlink|iridium|xgate|ocens|inmarsat|garmin|inreach|windows 8|windows 7|alcatel|acompli|nothing phone|\
     mail til windows|e-post for windows|pošty pro windows|pošty pre windows|pošty za windows|pošte za windows|דואר עבור windows|αλληλογραφία για windows|windows 版のメール|thư cho windows|البريد لـ windows|correio para windows",
);

/// Words for a telephone, as it signs with them.
pub static TELEPHONE: Words = Words::new(
    "phone|mobile|telephone|cell|cellphone|smartphone|tablet|handheld|mobile device|wireless device|handy|\
     telefon|mobiltelefon|mobilgerät|mobil|smartfon|téléphone|portable|móvil|movil|teléfono|celular|telemóvel|\
     telefone|telefonino|cellulare|telefono|dispositivo|telefoon|mobiel|телефона|смартфона|мобильного|\
     mobiele telefoon|puhelin|puhelimesta|puhelimestani|telefonu|telefonom|komórki|mobilu|mobilomról|cep|\
     telefonumdan|κινητό|κινητό μου|điện thoại của tôi|điện thoại|手机|手機|携帯|휴대폰|gsm",
);

/// Carriers whose name stands behind a common word for a telephone.
pub static CARRIERS: Words = Words::new("orange|sfr|bouygues|claro|movistar|telcel|telstra|optus");

/// Words that stand before the telephone of the writer.
pub static FROM_MY: Words = Words::new(
    "from|my|von|vom|meinem|mit|depuis|mon|ma|desde|mi|do|meu|meus|da|dal|mio|van|vanaf|mijn|с|со|моего|från|min|\
     fra|z|ze|mého|môjho|mojego|din|μου|από|з|із|мого|от|моя|s|svog|iz|mojega|del|từ|dari|cep|via|using|per",
);

/// Whole lines of programs that name no device.
pub static WHOLE: Words = Words::new(
    "sent from hey|sent with hey|yahoo mail: search, organize, conquer|secured with tuta mail|\
     securely sent with tuta|sent with shortwave|sent via superhuman|sent with missive|sent from front|\
     sent from nine|sent from /e/ mail|sent from boxer|sent from spike|sent with mailsuite|sent from mail|sent on the go|\
     sent on the move|mobil gesendet|unterwegs gesendet|von unterwegs gesendet|mobil verschickt|sendt mobilt|\
     skickat mobilt",
);

/// Names of programs and devices that are words or places too: nothing may stand behind them.
pub static NAMES: Words = Words::new(
    "canary|newton|surface|commander one|mimestream|hiri|polymail|astro|unibox|tuta|shortwave|spike|typemail|\
     missive|boxer|hey|kindle|kindle fire|nexus|mailfence|posteo|startmail|runbox|skiff|unterwegs|\
     touchmail|solmail|mailbox|ee|acompli|mailbox.org|notion mail|my tablet|my mobile|chromebook|lg phone|jio phone",
);

/// Small words that stand before them, beside those before a telephone.
pub static WITH: Words = Words::new("with|by|avec|con|com|met|med|z|s|app");

/// Ends of the line in which a mail program says that somebody chose a sign as an answer.
pub static REACTED: Words = Words::new(
    "reacted via gmail|hat über gmail reagiert|a réagi via gmail|reaccionó a través de gmail|reaccionó mediante gmail|\
     ha reagito tramite gmail|reagiu pelo gmail|reageerde via gmail|reagerade via gmail",
);

/// The same above the message that is meant.
pub static REACTION: Words = Words::new(
    "reacted to your message|reacted to this message|hat auf ihre nachricht reagiert|a réagi à votre message|\
     reaccionó a su mensaje|reaccionó a tu mensaje|ha reagito al tuo messaggio|reagiu à sua mensagem|\
     heeft op uw bericht gereageerd|heeft op je bericht gereageerd",
);

/// Beginnings of what a service that brings text messages as mails adds, to the end of the mail.
pub static SERVICE: Words = Words::new("to respond to this text message, reply to this email or visit google voice");

/// Lines with which a forum's footer begins.
pub static FORUM: Words =
    Words::new("[visit topic](|[visit message](|[view topic](|visit topic or reply to this email");

/// Words by which a telephone excuses short texts and slips.
pub static EXCUSE: Words = Words::new(
    "excuse|forgive|typo|brief|brevity|spelling|autocorrect|auto-correct|errors|tippfehler|kürze|rechtschreib|\
     entschuldig|brièveté|fautes|excus|disculp|erratas|brevedad|brevidade|erros|scusa|brevità|errori|typefout|\
     excuses|опечатк|краткост|stavfel|slåfejl|tastefeil|kirjoitusvirhe|literówk|překlep|secure|sicher|sécurisé|\
     free|kostenlos|get the app",
);

/// What help desks write below a text.
pub static DESK: Words = Words::new(
    "delivered by zendesk|bereitgestellt von zendesk|fourni par zendesk|entregado por zendesk|ofrecido por zendesk|\
     entregue pela zendesk|fornito da zendesk|geleverd door zendesk|powered by zendesk|powered by freshdesk|\
     sent by atlassian jira|powered by jira service",
);

/// Titles above the history that no mail of the table has been seen with, and one that a server puts there without dashes.
pub static REPLIED: Words =
    Words::new("reply message|antwort nachricht|algne sõnum|algne kiri|original e-mail|original text");

/// The line of a mail server above the history.
pub static PROCESSED: Words = Words::new("original message processed by david");

/// What a notice calls itself.
pub static SELF: Words = Words::new(
    "denne mail|this is an external|อีเมลนี้|ข้อความนี้|यह ईमेल|यह संदेश|ова порука|овај мејл|оваа порака|\
     this email|this e mail|this message|this mail|this communication|this transmission|this electronic|this fax|\
     email message|this correspondence|the information contained|the contents of this|the content of this|\
     information in this|the information transmitted|any attachments|its attachments|diese email|dieser email|\
     diese mail|dieser mail|diese nachricht|dieser nachricht|der inhalt dieser|ce message|ce courriel|cet email|\
     cet e mail|ce mail|cette communication|ce courrier|présent message|présent courriel|este mensaje|\
     este correo|esta comunicación|este email|presente correo|presente mensaje|presente comunicación|\
     esta mensagem|este e mail|presente mensagem|esta comunicação|questo messaggio|questa email|questa mail|\
     questa comunicazione|presente messaggio|presente email|presente comunicazione|deze email|dit bericht|dit emailbericht|\
     deze mail|это сообщение|этого сообщения|данное сообщение|данное письмо|это письмо|настоящее сообщение|\
     настоящее письмо|электронное сообщение|это электронное|detta meddelande|detta mejl|det här mejlet|detta email|denna email|\
     det här meddelandet|denne email|denne besked|denne meddelelse|denne meldingen|denne eposten|denne e posten|\
     tämä viesti|tämä sähköposti|tämän viestin|ta wiadomość|niniejsza wiadomość|niniejszy email|ten email|\
     tej wiadomości|tato zpráva|tento email|tato emailová|táto správa|ez az üzenet|ez az email|a jelen üzenet|\
     jelen email|acest mesaj|acest email|prezentul mesaj|bu mesaj|bu email|bu e posta|bu eposta|bu elektronik|\
     işbu|αυτό το μήνυμα|το παρόν μήνυμα|το παρόν email|це повідомлення|цей лист|цього повідомлення|\
     това съобщение|този имейл|ova poruka|ovaj email|to sporočilo|ta epošta|see kiri|käesolev kiri|šis laiškas|\
     šis elektroninis|šis epasts|šī vēstule|aquest missatge|aquest correu|本邮件|此邮件|本電子郵件|此電郵|本郵件|本メール|このメール|\
     このメッセージ|이 메일|본 메일|이 메시지|본 이메일|הודעה זו|דוא\"ל זה|هذه الرسالة|هذا البريد|این پیام|این ایمیل|email này|thư này|\
     pesan ini|email ini|\
     detta e postmeddelande|detta e postbrev|本電子メール|see e-kiri|käesolev e-kiri|šis el.|šiame el.|šis e pasts|šī e pasta|þessi tölvupóstur|ky email|ky mesazh|tento emailov|táto emailov|acest e-mail",
);

/// What it says of those whom it was not meant for.
pub static NOT_MEANT: Words = Words::new(
    "per klaid|tik adresatui|สำหรับผู้รับ|โดยไม่ได้ตั้งใจ|โดยผิดพลาด|केवल प्राप्तकर्ता|गलती से|грешком|\
     intended recipient|intended solely|intended only|solely for the|only for the use|solely intended|\
     sole use of|exclusive use|for the addressee|named addressee|the addressee|individual or entity|in error|\
     by mistake|not the intended|nicht der richtige|richtige adressat|richtiger adressat|nicht der adressat|\
     nicht der beabsichtigte|nicht der vorgesehene|nicht für sie bestimmt|ausschließlich für den|nur für den|\
     bestimmungsgemäße|irrtümlich|versehentlich|attention exclusive|l'attention de|usage exclusif|\
     exclusivement destiné|destiné exclusivement|destinés exclusivement|strictement réservé|par erreur|\
     ne vous est pas destiné|ne vous était pas destiné|     n'êtes pas le destinataire|pas destinataire|ses destinataires|por error|uso exclusivo|exclusivamente|\
     destinatario indicado|no es usted el destinatario|si usted no es|por engano|por erro|se você não é|\
     se não for o destinatário|per errore|non siete i destinatari|non è il destinatario|esclusivamente|\
     unicamente|uitsluitend|ten onrechte|abusievelijk|niet de beoogde|niet de geadresseerde|per abuis|по ошибке|\
     ошибочно|не являетесь|исключительно для|предназначено только|предназначен|av misstag|avsedda mottagaren|\
     avsedd mottagare|endast avsett|ved en fejl|ved en feiltakelse|ved en feil|kun ment for|rette modtager|rette mottaker|kun beregnet|\
     tiltænkte|vahingossa|erehdyksessä|tarkoitettu vain|przez pomyłkę|omyłkowo|adresatem|wyłącznie|omylem|\
     určena výhradně|určen pouze|omylom|určená výhradne|tévedésből|nem ön a címzett|kizárólag|din greșeală|\
     din eroare|exclusiv|yanlışlıkla|muhatabı değilseniz|alıcı değilseniz|kişiye aittir|kişiye özeldir|alıcısı değilseniz|εκ παραδρομής|κατά λάθος|\
     αποκλειστικά|помилково|виключно|по погрешка|greškom|isključivo|pomotoma|izključno|kogemata|klaidos|kļūdas|\
     per error|误收|错收|错误收到|仅限于|仅供|只供|僅供|宛先の方以外|名宛人以外|수신자가 아닌|본래의 수신|הנמען המיועד|المستلم المقصود|المرسل إليه|非指定|誤收|誤って|誤送|잘못 수신|수신인이 아닌|בטעות|عن طريق الخطأ|بالخطأ|به اشتباه|nhầm|kesalahan|\
     secara keliru|\
     ekslikult|ainult adressaadile|fyrir mistök|eingöngu ætlað|gabimisht|vetëm për marrës|anderen dan de geadresseerde",
);

/// Words by which a notice says that the mail is secret.
pub static SECRET: Words = Words::new(
    "ความลับ|गोपनीय|поверљив|доверлив|\
     confidential|privileged|proprietary|private information|vertraulich|rechtlich geschützt|confidentiel|\
     confidencial|confidenciais|secreto profesional|riservat|confidenzial|vertrouwelijk|конфиденциальн|konfident|konfidensiel|fortrolig|\
     luottamuksellis|poufn|důvěrn|dôvern|bizalmas|confidențial|gizli|εμπιστευτικ|конфіденційн|поверителн|\
     povjerljiv|zaupn|konfidential|konfidenc|机密|保密|機密|기밀|비밀|סודי|חסוי|سري|محرمانه|bảo mật|bí mật|rahasia|\
     秘密情報|poverljiv|trúnaðar",
);

/// That one must not use it, and what to do with it.
pub static FORBIDDEN: Words = Words::new(
    "ห้าม|ลบอีเมล|निषिद्ध|हटा दें|забрањен|обришите|\
     unauthori|prohibited|notify the sender|notify us|contact the sender|inform the sender|advise the sender|\
     delete it|delete this|delete the|destroy|disseminat|distribut|copying|disclos|unbefugt|vernichten|\
     nicht gestattet|informieren sie|unzulässig|untersagt|löschen sie|verständigen sie|toute diffusion|\
     toute utilisation|interdit|avertir|prévenir|détruire|detruire|supprimer|prohibid|notif|elimin|bórrel|borre|destru|\
     divulga|proibid|apagu|avise|vietat|divulg|diffusione|cancell|distrugger|avvisare|comunicar|niet toegestaan|\
     verboden|afzender|verwijder|vernietig|запрещ|уведом|сообщите|удалит|уничтож|otillåt|förbjud|\
     meddela avsändaren|radera|forbudt|slet|slett|underret|varsle|informer|kielletty|poista|ilmoita|zabronion|usuń|\
     usunię|powiadom|zakázán|smažte|vymažte|informujte|tilos|törölje|értesítse|interzis|șterge|ștergeți|anunțați|\
     yasak|siliniz|bildiriniz|bilgilendirin|bilgilendiriniz|απαγορεύ|διαγράψ|ενημερώσ|заборон|видаліть|повідомте|забранен|изтрийте|zabranjen|\
     obrišite|izbrišite|prepovedan|keelatud|kusdraudž|ištrin|aizliegt|dzēsiet|禁止|删除|刪除|削除|삭제|금지|אסור|מחק|يحظر|\
     حذف|ممنوع|xóa|cấm|dilarang|hapus|\
     no está permitida su|no se permite su|破棄|kustuta|eyddu|eyðið|fshij|obrišete",
);

/// Words by which a notice says that nobody is liable.
pub static LIABLE: Words = Words::new(
    "liab|virus|responsib|not secure|cannot be guaranteed|haftung|viren|responsab|garanti|aansprakelijk|\
     ответственност|ansvar|vastuu|odpowiedzialn|odpovědnost|zodpovednos|felelős|răspunde|sorumlu|ευθύν|\
     відповідальн|отговорност|odgovorn|vastutus|atsakomyb|atbildīb|责任|責任|책임|אחריות|مسؤولية|trách nhiệm|\
     tanggung jawab",
);

/// Titles of such notices.
pub static LEGAL_TITLE: Words = Words::new(
    "disclaimer|confidentiality notice|confidentiality note|confidentiality statement|confidential notice|\
     legal notice|legal disclaimer|privacy notice|important notice|rechtlicher hinweis|vertraulichkeitshinweis|\
     avis de confidentialité|avertissement|mentions légales|aviso legal|aviso de confidencialidad|\
     aviso de confidencialidade|nota legale|avviso di riservatezza|vertrouwelijkheid|\
     уведомление о конфиденциальности|klauzula poufności|免责声明|免責事項|機密",
);

/// What green footers care for.
pub static NATURE: Words = Words::new(
    "environment|umwelt|environnement|medio ambiente|medioambiente|meio ambiente|ambiente|milieu|nature|planet|\
     planeta|planète|the earth|trees|tree|bäume|arbres|árboles|árvores|alberi|bomen|природ|окружающ|деревь|miljö|\
     miljø|ympäristö|luontoa|środowisk|drzew|životní prostředí|životné prostredie|környezet|mediul|çevre|doğa|\
     περιβάλλον|довкілля|околната среда|okoliš|okolje|keskkon|gamtą|medi ambient|环境|環境|환경|הסביבה|البيئة|\
     môi trường|lingkungan",
);

/// What they would not have.
pub static PRINT: Words = Words::new(
    "print|druck|imprim|stamp|afdruk|напечат|печата|распечат|skriv ut|skriver ut|udskriv|utskrift|tulost|druk|\
     tisk|tlač|tiskn|nyomtat|tipări|yazdır|εκτυπώ|друку|роздрук|отпечат|ispis|natisn|prindi|spausdin|打印|列印|印刷|인쇄|\
     להדפיס|מדפיס|طباعة|in email|in ấn|mencetak",
);

/// Words for a mail, in many languages.
pub static MAIL: Words = Words::new(
    "missatge|e post|epost|\
     email|e-mail|mejl|e posta|mail|message|nachricht|courriel|correo|mensaje|mensagem|messaggio|bericht|письм|сообщени|\
     meddelande|besked|melding|viesti|sähköposti|wiadomoś|zpráv|správ|üzenet|mesaj|ileti|e-posta|eposta|μήνυμα|\
     лист|повідомлення|съобщение|имейл|poruk|sporočil|kiri|laišk|邮件|郵件|メール|메일|הודעה|רسالة|thư|pesan|sender|\
     absender|expéditeur|remitente|remetente|mittente|afzender|отправител",
);

/// What comes before printing.
pub static BEFORE: Words = Words::new(
    "abans d|\
     before|bevor|avant|antes|prima|voordat|alvorens|прежде чем|перед|före|innan|før|ennen|zanim|przed|než|\
     mielőtt|înainte|önce|πριν|перш ніж|преди|prije|preden|enne|prieš|need to print|have to print|\
     necessary to print|think twice",
);

/// Scanners that sign mails.
pub static SCANNER: Words = Words::new(
    "avast|avg|mcafee|kaspersky|eset|norton|bitdefender|mailscanner|mimecast|sophos|spamassassin|symantec|\
     messagelabs|barracuda|avira|f-secure|trend micro|clamav|gdata|g data|antivirus|anti-virus|mailmarshal|spamtitan|fortimail|forcepoint|ironport|mailcleaner",
);

/// What they look for.
pub static VIRUS: Words =
    Words::new("virus|viren|malware|вирус|spam|dangerous content|gefährlich|вірус|ιού|ウイルス|病毒");

/// Sites of virus scanners.
pub static SCANNER_SITE: Words = Words::new(
    "www.avast.com|avast.com/|www.avg.com|avg.com/|www.avira.com|www.mailscanner.info|www.eset.com|/sig-email",
);

/// Footers that tell how to leave.
pub static UNSUBSCRIBE: Words = Words::new(
    "you received this message because you are subscribed|you are receiving this because you|\
     to unsubscribe from this|to unsubscribe from these|to unsubscribe, |unsubscribe from this list|to unsubscribe send|to unsubscribe: |\
     um sich von dieser liste|sie erhalten diese nachricht, weil sie|pour vous désabonner|pour vous désinscrire|pour se désabonner|pour se désinscrire|\
     para darse de baja|para cancelar la suscripción|para cancelar a subscrição|para anular su suscripción|\
     per annullare l'iscrizione|per cancellarsi|om u af te melden|отписаться от|чтобы отказаться от",
);

/// The same, so plain that no address is needed beside it.
pub static SUBSCRIBED: Words = Words::new(
    "you received this message because you|you are receiving this because you|sie erhalten diese nachricht, weil sie",
);

/// Words and signs by which somebody can leave a mailing list.
pub static LEAVING: Words = Words::new("://|@|click|link|email|mail|klick|clic|reply|send|рассылк");

/// Words of the footers of mailing lists.
pub static LIST: Words = Words::new(
    "mailing list|mailinglist|mailing-list|listinfo|liste de diffusion|lista de correo|lista de discussão|\
     lista di distribuzione|verteiler|mailingliste|unsubscribe|subscri|postorius|/lists/|list archive|archives|\
     groups.google|groups.io|yahoogroups|visit your group|рассылк|list guidelines|@lists.",
);

/// Where a warning says that the mail came from.
pub static OUTSIDE: Words = Words::new(
    "outside|spoza|utenfra|external|extern|außerhalb|extérieur|externe|externo|fuera de|fora da|esterno|dall'esterno|buiten|\
     внешн|извне|utanför|utenfor|udefra|eksternt|ulkopuol|ulkoi|zewnątrz|zewnętrzn|externí|mimo organizac|külső|\
     exterior|dışından|harici|εξωτερικ|εκτός|зовнішн|външ|vanjsk|zunanj|väljast|外部|외부|حيث خارج|خارج|מחוץ|\
     bên ngoài|luar organisasi|don't often get email|unknown sender|unbekannten absender",
);

/// What a warning tells people to be careful with.
pub static CLICK: Words = Words::new(
    "click|lenker|links|attachment|open attach|klicken|anhänge|anhang|cliquez|pièces jointes|liens|haga clic|enlaces|\
     adjuntos|clique|anexos|clic|allegati|collegamenti|klik|bijlagen|koppelingen|ссылк|вложен|нажима|länkar|\
     bilagor|vedhæft|vedlegg|linkkejä|liitteitä|załącznik|odkaz|přílo|príloh|mellékl|atașament|linkuri|bağlantı|\
     tıklama|συνδέσμου|συνημμέν|посилан|вкладен|прикачен|privitk|prilog|priponk|linke|nuorod|链接|附件|連結|リンク|添付|링크|\
     첨부|קישור|الروابط|liên kết|tautan|caution|vorsicht|be careful|cautious",
);

/// How it says that it came from there.
pub static ORIGIN: Words = Words::new(
    "kommer udefra|this is an external|\
     originat|came from|is from an external|kommer fra|sent from outside|was sent by|from outside|stammt von|kommt von|wurde von|\
     gesendet von außerhalb|provient|émane|proviene|procede|se originó|originou|veio de|foi enviado|afkomstig|komt van|\
     verzonden van|получено от|отправлено из|пришло|kommer från|er sendt fra|on lähetetty|pochodzi|\
     pochází|pochádza|érkezett|provine|gönderilmiş|προέρχεται|надійшло|идва от|dolazi|prihaja|来自|來自|から送信|からの|\
     에서 발송|do not trust",
);

/// Above which line one should answer.
pub static ABOVE: Words = Words::new(
    "above|oberhalb|über dieser|au-dessus|au dessus|ci-dessus|por encima|encima de|arriba de|acima|sopra|boven|\
     выше|над|ovanför|over denne|ovenfor|oven over|yläpuolelle|powyżej|nad|fölé|deasupra|üstüne|üzerine|πάνω από|\
     вище|iznad|kohale|virš",
);

/// Words for `this`, as in "above this line".
pub static THIS: Words = Words::new(
    "this|dieser|diese|diesen|cette|ce|esta|este|desta|deste|questa|questo|deze|dit|этой|эту|этого|här|denna|detta|\
     denne|dette|tämän|tej|tę|tym|tuto|tohoto|touto|túto|tejto|ezen|acest|acestei|această|bu|αυτή|αυτήν|цієї|цією|цю|\
     цього|тази|този|ove|ovog|ovu|te|to|selle|šios|šią|šīs|šo|aquesta|הזו|הזאת|זו|هذا|هذه|این|này|ini",
);

/// Words for `line`, as in "above this line".
pub static LINE: Words = Words::new(
    "line|zeile|linie|ligne|línea|linha|riga|linea|regel|lijn|строк|лини|raden|linje|strek|rivi|viivan|lini|\
     wiers|řád|riad|sor|satır|çizgi|γραμμή|рядк|ред|crte|linije|vrstic|rea|joone|eilut",
);

/// That one should answer.
pub static REPLY: Words = Words::new(
    "reply|replies|respond|type|write|answer|antwort|schreiben|répon|repond|écri|respuesta|escrib|escrev|rispo|scriv|\
     antwoord|reageer|ответ|пиш|svar|skriv|vasta|kirjoita|odpow|odpis|pisz|odpov|píš|válasz|írj|răspun|scrie|\
     yanıt|cevap|yaz|απαντ|γράψ|відпов|отговор|odgovor|piš|atsak|rašy|raspun",
);

/// That a scanner looked at it.
pub static SCANNED: Words = Words::new(
    "scanned|checked|geprüft|gescannt|vérifié|analysé|comprobado|analizado|verificado|controllat|gecontroleerd|\
     провер|kontrollerat|kontrolleret|tarkist|sprawdzon|zkontrolov|ellenőr|verificat|tarandı|believed to be clean",
);

/// That it found nothing.
pub static CLEAN: Words =
    Words::new("no virus|kein virus|keine viren|aucun virus|nessun virus|ningún virus|nenhum vírus");

/// What the law of some countries wants to stand in the mails of a company.
pub static COMPANY: Words = Words::new(
    "registered in|registered office|registered number|company number|company registration|registration number|\
     handelsregister|amtsgericht|geschäftsführer|sitz der gesellschaft|siège social|capital social|registro mercantil|\
     sede legale|partita iva|kamer van koophandel|krs|sąd rejonowy|obchodní rejstřík",
);

/// What its lawyers add: two of them make a notice.
pub static CORPORATE: Words = Words::new(
    "does not create a contract|not legally binding|not constitute a contract|emails may be monitored|\
     communications may be monitored|accepts no liability|accept no liability|no liability is accepted|\
     unless expressly stated otherwise|unless otherwise expressly stated|those of the author|those of the sender|\
     circular 230|requirements imposed by|cannot be used for the purpose|not intended to be used for the purpose|\
     not intended or written to be used",
);

/// Whole phrases of green footers.
pub static GREEN: Words = Words::new(
    "think before you print|think before printing|do you really need to print|please don't print this|\
     bitte prüfen sie der umwelt zuliebe|bitte prüfen sie, ob diese mail|bitte denken sie an die umwelt|\
     pensez à l'environnement|pensons à l'environnement|denk aan het milieu|piensa en el medio ambiente|\
     pense no meio ambiente|pensa all'ambiente|save a tree|save paper|be green",
);

/// Words that a warning of a mail server begins with.
pub static WARN: Words = Words::new(
    "caution|warning|attention|external|alert|notice|important|achtung|vorsicht|warnung|hinweis|extern|\
     avertissement|mise en garde|prudence|precaución|advertencia|atención|aviso|cuidado|atenção|advertência|\
     attenzione|avviso|prudenza|let op|waarschuwing|voorzichtig|pas op|opgelet|внимание|осторожно|предупреждение|varning|\
     advarsel|obs|forsigtig|varoitus|huomio|uwaga|ostrzeżenie|upozornění|pozor|varování|upozornenie|figyelem|\
     figyelmeztetés|atenție|atenţie|dikkat|uyarı|προσοχή|увага|pažnja|opozorilo|hoiatus|dėmesio|uzmanību|注意|警告|\
     주의|경고|אזהרה|זהירות|تحذير|تنبيه|هشدار|cảnh báo|peringatan|คำเตือน",
);

/// Whose outside it is.
pub static ORGANISATION: Words = Words::new(
    "organi|company|your network|the firm|university|firma|unternehmen|netzwerk|entreprise|société|réseau|\
     empresa|compañía|azienda|società|bedrijf|компани|företag|virksomhed|bedrift|yritys|firm|společnost|\
     spoločnost|vállalat|szervezet|compan|şirket|kurum|εταιρ|οργανισμ|компанія|tvrtk|podjetj|asutus|įmon|会社|社外|\
     組織|公司|组织|單位|회사|조직|הארגון|החברה|المؤسسة|الشركة|سازمان|tổ chức|công ty|perusahaan|sender|absender|expéditeur|\
     remitente|remetente|mittente|afzender|отправител",
);

/// Beginnings of the tip of a mail server that ends with "Learn more".
pub static CAREFUL: Words =
    Words::new("be careful with this message|this message seems dangerous|this message could be");

/// Tips of a mail program about a sender.
pub static TIP: Words = Words::new(
    "you don't often get email from|you do not often get email from|\
     some people who received this message don't often get email from|sie erhalten nicht häufig|\
     sie erhalten nicht oft|einige personen, die diese nachricht|vous n'obtenez pas souvent|\
     vous ne recevez pas souvent|no suele recibir correo|no suele recibir correos|não costuma receber emails|\
     non si riceve spesso posta|non ricevi spesso|u ontvangt niet vaak|не часто получаете|du får inte ofta|\
     du får ikke ofte|du modtager ikke ofte",
);

/// Phrases of which notices are made.
pub static TEMPLATE: Words = Words::new(
    "received in error please|intended recipient|intended solely|intended only for|if you are not the intended|if you are not the named|if you are not the addressee|if you are not the recipient|\
     if you are not the person to|if you are not the individual|if you are not the designated|if you are not the correct|if you are not the proper|if you have received this|if you received this|\
     if you receive this|received this message in error|received this email in error|\
     received this communication in error|wenn sie nicht der|sollten sie nicht der|falls sie nicht der|\
     diese email irrtümlich|diese nachricht irrtümlich|si vous n'êtes pas|si vous avez reçu ce|si vous avez recu ce|\
     si vous recevez ce|si usted no es|si no es usted|si ha recibido este|si usted ha recibido|si lo ha recibido|\
     se você não|se não é o|se recebeu est|caso tenha recebido|se non siete|se non è il|se avete ricevuto|\
     se ha ricevuto|se lo ha ricevuto|qualora|indien u niet|als u niet de|indien dit bericht|\
     если вы не являетесь|если вы получили|если данное|om du inte är|om du har fått|hvis du ikke er|\
     hvis du har modtaget|hvis du har mottatt|jos et ole|jos olet saanut|jeżeli nie|jeśli nie|pokud nejste|\
     ak nie ste|ha nem ön|dacă nu sunteți|eğer bu|εάν δεν είστε|αν δεν είστε|якщо ви не|ако не сте|ako niste|\
     če niste|\
     anderen dan de geadresseerde|geen rechten worden ontleend",
);

/// How many of [`DEVICES`] are devices, not programs.
pub const HARDWARE: usize = 30;
