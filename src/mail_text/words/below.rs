//! How a writer sends the reader further down, to answers that stand inside or below a history. All in lower case.
//!
//! A word too much here costs the bytes of a history; a word too few costs the writer's own.

use crate::mail_text::phrases::Words;

/// Words that do so where little else is said: the answers stand inside or below.
pub static BELOW: Words = Words::new(
    "below|inline|in-line|in line|beneath|underneath|interleaved|interspersed|in between|in the text|in your text|\
     in your mail|in your email|in capitals|in caps|in red|in blue|in green|in bold|in colour|in color|further down|\
     at the bottom|see my answers|my answers|my comments|my replies|comments in|see comments|see the comments|\
     see answers|with comments|unten|untenstehend|weiter unten|im text|dazwischen|in rot|in blau|in grün|in fett|\
     in großbuchstaben|in grossbuchstaben|in versalien|meine antworten|direkt im text|ci-dessous|plus bas|ci-après|\
     dans le texte|en dessous|en rouge|en bleu|en gras|en majuscules|mes réponses|entre les lignes|abajo|más abajo|\
     debajo|a continuación|en el texto|en rojo|en azul|en negrita|en mayúsculas|mis respuestas|entre líneas|abaixo|\
     em baixo|no texto|em vermelho|em azul|em maiúsculas|minhas respostas|as respostas seguem|sotto|qui sotto|\
     di seguito|più giù|nel testo|in rosso|in blu|in maiuscolo|le mie risposte|hieronder|onderaan|beneden|\
     in de tekst|in het rood|in rood|in blauw|in hoofdletters|mijn antwoorden|tussen de regels|ниже|внизу|\
     далее по тексту|в тексте|по тексту|красным|синим|заглавными|мои ответы|nedan|nedanför|här under|i texten|i rött|\
     med rött|mina svar|nedenfor|herunder|under her|i teksten|med rødt|mine svar|alapuolella|tekstissä|punaisella|\
     vastaukseni|poniżej|niżej|w tekście|na czerwono|moje odpowiedzi|níže|dole|v textu|červeně|nižšie|v texte|alább|\
     a szövegben|pirossal|mai jos|în text|aşağıda|aşağıdaki|aşağıya|metinde|kırmızı|παρακάτω|πιο κάτω|στο κείμενο|\
     με κόκκινο|нижче|у тексті|червоним|по-долу|ispod|dolje|spodaj|allpool|žemiau|zemāk|למטה|להלן|בגוף ההודעה|באדום|\
     أدناه|بالأسفل|در زیر|bên dưới|dưới đây|di bawah|ด้านล่าง|नीचे|以下に|下記|赤字|インライン|見下|见下|如下|下面|下方|红字|아래|빨간|\
     under yours|under your|under each|under every|under the question|under the questions|under my name|after each|\
     after every|after yours|after your questions|behind each|next to each|beside each|scroll down|read on|\
     keep reading|keep scrolling|in italics|in italic|in yellow|in purple|in orange|in pink|in grey|in gray|\
     in brackets|highlighted|embedded|throughout|point by point|one by one|see inside|my initials|in the thread|\
     see under|look under|see the end|end of your mail|end of the mail|end of your message|within your|\
     within the text|inside your|inside the text|inside the mail|between the lines|between your|between your lines|\
     in the margin|at the foot|the bottom|marked with|answered each|answered them|answered your questions|\
     replied to each|lower down|see red|see blue|darunter|drunter|dahinter|jeweils|kursiv|\
     zwischen den zeilen|zwischen deinen|zwischen deine|in gelb|in lila|farbig|rot markiert|punkt für punkt|\
     der reihe nach|unterhalb|weiterlesen|nachfolgend|nach unten scrollen|scroll runter|runterscrollen|siehe ende|\
     am ende der mail|am ende deiner|unter deiner|unter deine|unter deinen|unter ihrer|unter ihre|unter ihren|\
     unter jeder|unter jede|unter den fragen|in deinem text|in deine mail|in deiner mail|in ihrer mail|\
     in deinen text|sous la tienne|sous le tien|sous les tiens|sous les tiennes|sous la vôtre|sous le vôtre|\
     sous chaque|sous vos|sous tes|après chaque|en italique|en vert|en jaune|en violet|en couleur|dans ton message|\
     dans votre message|dans ton mail|dans votre mail|dans le corps|dans le fil|point par point|une par une|\
     une à une|au fil du texte|en bas|au bas|à la fin du message|voir la suite|en-dessous|là-dessous|debajo de|\
     bajo cada|bajo tu|bajo tus|bajo las tuyas|tras cada|después de cada|dentro del mensaje|dentro de tu|\
     en tu correo|en tu mensaje|en su correo|en su mensaje|en verde|en cursiva|en amarillo|punto por punto|\
     una por una|al final del mensaje|al final del correo|al pie|sigue leyendo|intercaladas|intercalados|debaixo de|\
     sob cada|sob as tuas|após cada|depois de cada|dentro da mensagem|no teu texto|no teu email|no teu e-mail|\
     no seu email|no seu e-mail|na tua mensagem|na sua mensagem|em verde|em itálico|em negrito|ponto por ponto|\
     uma a uma|no fim da mensagem|no final da mensagem|a seguir a cada|sotto ogni|sotto la tua|sotto le tue|\
     dentro la tua|nella tua mail|nella tua email|nel tuo messaggio|nel tuo testo|dopo ogni|in fondo|in calce|\
     in verde|in corsivo|in grassetto|in giallo|punto per punto|una per una|tra le righe|fra le righe|qua sotto|\
     onder je|onder jouw|onder uw|onder de jouwe|onder elke|onder iedere|eronder|er onder|daaronder|na elke|\
     achter elke|achter iedere|cursief|in groen|in geel|in het blauw|vetgedrukt|punt voor punt|één voor één|\
     een voor een|lees verder|tussendoor|ertussen|in je mail|in jouw mail|in uw mail|in je bericht|\
     aan het eind van|под твоим|под твоими|под твоей|под вашим|под вашими|под вашей|под каждым|под вопрос|внутри|\
     после каждого|курсивом|зелёным|зеленым|жирным|по пунктам|построчно|в конце письма|в самом конце|снизу|\
     читай дальше|читайте дальше|цветом|между строк|в твоём письме|в твоем письме|в вашем письме|после твоих|\
     under ditt|under din|under dina|under varje|mellan raderna|i blått|i grönt|kursivt|med versaler|punkt för punkt|\
     längst ner|längst ned|läs vidare|i din text|i ditt mejl|i ditt mail|efter varje|under dit|under dine|\
     under hvert|under hver|mellem linjerne|mellom linjene|i rødt|med blåt|i blåt|i grønt|i kursiv|punkt for punkt|\
     nederst|læs videre|les videre|efter hvert|etter hvert|kysymyksen alla|kysymysten alla|omasi alla|viestisi alla|\
     alempana|seassa|sinisellä|vihreällä|kursiivilla|rivien väliin|rivien välissä|kohta kohdalta|viestisi sisällä|\
     viestisi seassa|pod twoim|pod twoimi|pod twoją|pod każdym|pod każdą|pod pytaniem|pod pytaniami|między wierszami|\
     w treści|na niebiesko|na zielono|kursywą|punkt po punkcie|na dole|czytaj dalej|na końcu maila|pod tvoj|pod tvou|\
     pod tvým|pod každou|pod každým|pod otázkou|pod otázkami|mezi řádky|modře|zeleně|kurzívou|bod po bodu|v mailu|\
     na konci mailu|medzi riadkami|modrou|v maile|bod po bode|v tvojom|alatta|alattuk|a tiéd alatt|kérdés alatt|\
     kérdések alatt|lejjebb|itt lent|sorok között|kékkel|zölddel|pontonként|olvass tovább|a leveledben|sub fiecare|\
     sub al tău|sub a ta|sub ale tale|printre rânduri|cu roșu|cu albastru|punct cu punct|dedesubt|în mesajul tău|\
     altında|altına|satır aralarında|mavi ile|yeşil ile|madde madde|en altta|içinde|κάτω από|ανάμεσα|στο τέλος του|\
     με μπλε|μέσα στο|під твоїм|під твоєю|під твоїми|під вашим|під кожним|під кожною|між рядків|синім|зеленим|\
     по пунктах|в кінці листа|у кінці листа|всередині|у твоєму листі|под твоя|под твоето|под всеки|под всяк|\
     между редовете|с червено|по точки|в писмото|između redova|crvenom|plavom|na dnu|u nastavku|niže|pod tvojim|\
     pod vsak|med vrsticami|rdeče|v nadaljevanju|испод|ridade vahel|punasega|küsimuse all|tarp eilučių|raudonai|\
     po kiekvien|zem katra|starp rindām|מתחת|בין השורות|בכחול|בהמשך|בסוף ההודעה|בתוך|تحت كل|بين السطور|بالأحمر|\
     بالأزرق|في الأسفل|أسفل|داخل|زیر هر|بین خطوط|رنگ قرمز|پایین|در ادامه|ở dưới|phía dưới|màu đỏ|sau mỗi|bên trong|\
     di antara|warna merah|setelah setiap|di dalam|สีแดง|ใต้|ท้ายจดหมาย|लाल रंग|बीच में|の下に|文中|本文中|各質問|行間|末尾|青字|赤で|\
     青で|後ろに|每个问题|每個問題|后面|後面|红色|紅色|蓝色|藍色|信中|逐条|逐條|之间|往下|下文|里面|밑에|사이에|뒤에|본문에|각 질문|파란|a sota|més avall|sota cada|\
     en vermell|entre línies|azpian|gorriz|embaixo|\
     vastaukset alla|vastaukseni alla|kommentit alla|kommenttini alla|kysymystesi alla|alla isoin|isoin kirjaimin|\
     isoilla kirjaimilla|suuraakkosin|katso alla|ks. alla|tuossa alla|tässä alla|alla vastauks|in capital letters|\
     capital letters|upper case|uppercase|block letters|großgeschrieben|en capitales|lettres capitales|\
     in stampatello|in maiuscole|met hoofdletters|in kapitalen|stora bokstäver|store bogstaver|store bokstaver|\
     blokbogstaver|wielkimi literami|drukowanymi|velkými písmeny|veľkými písmenami|nagybetűvel|csupa nagybetű|\
     cu majuscule|büyük harfle|με κεφαλαία|прописными|большими буквами|капсом|великими літерами|с главни букви|\
     velikim slovima|z velikimi črkami|באותיות גדולות|in hoa|huruf besar|huruf kapital|大文字|大写|大寫|대문자|filled in|\
     filled out|right column|left column|second column|last column|your table|your list|your form|ticked|marked up|\
     my corrections|my changes|my edits|my additions|deine liste|deiner liste|deine tabelle|deiner tabelle|spalte|\
     meine änderungen|meine ergänzungen|ton tableau|votre tableau|ta liste|votre liste|colonne|mes corrections|\
     mes modifications|tu tabla|su tabla|tu lista|columna|mis correcciones|mis cambios|tua lista|coluna|\
     minhas correções|tua tabella|tuo elenco|colonna|mie correzioni|je tabel|je lijst|kolom|mijn wijzigingen|\
     mina ändringar|din tabell|din lista|din tabel|mine rettelser|mine endringer",
);

/// Beginnings of words for what the writer has answered. With a place in the same sentence they do so in any text.
pub static ANSWERS: Words = Words::new(
    "answer|reply|replie|respon|comment|remark|my note|notes|annotat|mine is|mine are|put mine|wrote mine|feedback|\
     my bits|my two cents|my thoughts|antwort|beantwort|geantwort|kommentar|kommentier|anmerkung|bemerkung|\
     rückmeldung|répon|repon|commentaire|remarque|annotation|respuesta|respond|contest|comentario|anotacion|resposta|\
     comentário|rispost|rispond|commenti|annotazion|antwoord|beantwoord|geantwoord|reactie|reageer|gereageerd|\
     opmerking|commentaar|ответ|отвеч|комментар|замечан|пометк|svar|besvar|kommenter|vastau|vastas|vastaan|kommentt|\
     odpowie|odpowiad|komentarz|uwagi|odpověd|odpověď|odpovíd|odpoveď|odpoved|komentář|komentár|poznámk|válasz|megjegyzés|\
     răspuns|răspund|raspuns|raspund|comentari|cevap|yanıt|yorum|απάντησ|απαντώ|απαντήσ|σχόλι|відпові|комент|отговор|\
     odgovor|komentar|одговор|opomb|vastus|vastan|kommenta|atsakym|atsaka|atbild|komentār|תשוב|עניתי|הערות|ردود|ردي|\
     إجاب|جواب|تعليق|أجبت|پاسخ|نظراتم|trả lời|nhận xét|phản hồi|jawab|balas|ตอบ|ความเห็น|उत्तर|जवाब|टिप्पण|返事|返信|回答|\
     答え|コメント|回复|回覆|答复|答覆|批注|意见|意見|답변|답은|답을|답장|댓글|의견|회신|respost|erantzun",
);

/// Places and looks of such answers; `$` is the end of the sentence.
pub static PLACES: Words = Words::new(
    "under|inside|within|between|among|amongst|after your|following each|follow each|follows each|answers follow|\
     replies follow|comments follow|follow your|as follows|beside|next to|alongside|against each|in your|into your|\
     to your questions|in the message|in the mail|in the email|in the body|in turn|in place|italic|italics|red|blue|\
     green|purple|yellow|orange|pink|grey|gray|colour|color|coloured|colored|bold|caps|capitals|uppercase|marked|\
     starred|asterisk|asterisks|stars|thread|foot|bottom|at the end$|at the very end|end of your|initials|\
     interspersed|interleaved|by point|each question|each point|each paragraph|each of your|each one|to yours|\
     with yours|brackets|unter|hinter jeder|hinter jede|hinter der|daneben|zwischen|innerhalb|in deinem|\
     in deiner|in deine|in deinen|in ihrem|in ihrer|in ihre|in eurer|in eure|in der mail|im mail|im brief|am ende$|\
     am schluss$|ganz unten|rot|blau|grün|gelb|fett|großbuchstaben|eingefügt|eingearbeitet|folgend|im anschluss|sous|\
     dessous|dedans|dans ton|dans votre|dans tes|dans vos|dans le message|dans le mail|entre|à la fin$|en fin de|\
     à la suite|rouge|bleu|vert|italique|gras|majuscules|couleur|au fil|à côté|insérées|insérés|bajo|debajo|dentro|\
     en tu|en su|al final$|rojo|azul|verde|cursiva|negrita|mayúsculas|en color|sob|debaixo|no teu|no seu|na tua|\
     na sua|no final$|no fim$|vermelho|itálico|negrito|maiúsculas|sotto|nella tua|nella sua|nel tuo|nel suo|\
     nelle tue|alla fine$|rosso|blu|corsivo|grassetto|maiuscolo|maiuscole|a seguire|onder|binnen|in je|in jouw|in uw|\
     tussen|aan het eind$|aan het einde$|rood|blauw|groen|geel|vet|hoofdletters|in kleur|mellan|i ditt|i dina|\
     i mailet|i mejlet|sist$|rött|röd|blått|grönt|kursiv|fetstil|versaler|färg|inde i|inni|inne i|mellem|mellom|\
     i din|i dit|i dine|i mailen|i e-posten|til sidst$|til slutt$|rødt|rød|blåt|fed|fet|alapuolelle|sisällä|välissä|\
     väliin|viestissäsi|viestiisi|jokaisen|kunkin|lopussa$|isoilla|isoin|alla$|pod|wewnątrz|w środku|między|pomiędzy|w mailu|\
     w twoim|w twojej|na końcu$|wielkimi|po kolei|uvnitř|mezi|ve tvém|v tvém|na konci$|velkými|postupně|vnútri|medzi|\
     veľkými|alatt|alá|alul|közé|között|közben|benne|minden kérdés|a végén$|pirossal|kékkel|zölddel|dőlt|félkövér|\
     nagybetűvel|sorban|sub|în interior|între|în mesaj|în mailul|după fiecare|la final$|la sfârșit$|roșu|albastru|\
     cursiv|majuscule|arasında|arasına|içine|her sorunun|sonunda$|kırmızı|mavi|yeşil|italik|kalın|büyük harf|sırayla|\
     unutar|između|među|u mailu|u tekstu|na kraju$|kurziv|redom|znotraj|med tvojim|v besedilu|na koncu$|ležeče|\
     krepko|sees|vahel|lõpus$|pabaigoje$|viduje|zem|iekš|starp|beigās$|dưới|giữa|chữ in hoa|merah|biru|hijau|sota|\
     dins|vermell|barruan|artean",
);

/// The same as beginnings of words, or in scripts that glue words together.
pub static PLACE_STEMS: Words = Words::new(
    "под |под$|между|внутри|за каждым|после кажд|в письме|в твоем|в твоём|в вашем|в конце$|внизу|красн|синим|синей|\
     зелён|зелен|курсив|жирн|цвет|заглавн|прописн|по порядк|μέσα|μετά από κάθε|στο μήνυμ|στο τέλος$|κόκκιν|μπλε|\
     πράσιν|πλάγι|έντον|κεφαλαία|під |під$|між|у листі|в листі|за кожн|після кожн|кінці$|червон|вътре|след всек|\
     накрая$|червен|в имейла|po każd|przy każd|czerwon|niebiesk|zielon|kursyw|pogrub|kolor|za každ|po každ|u každ|\
     pri každ|červen|modř|modr|zelen|kurzív|tučn|barevn|nakon svak|iza svak|crven|plav|podebljan|za vsak|po vsak|\
     rdeč|intercalad|interlineal|punais|sinis|rohelis|kaldkirj|raudon|mėlyn|sarkan|zaļ|aiz katr|בין|אחרי כל|בסוף$|\
     באדום|בירוק|בגוף|تحت|بين|بعد كل|في النهاية$|بالأحمر|باللون|زیر|بین|بعد از هر|قرمز|آبی|ข้างใน|ระหว่าง|ท้าย|\
     สีน้ำเงิน|ตัวเอียง|के भीतर|नीले|下に|の下|中に|の中|間に|の後|最後に|赤|青|緑|太字|色で|続けて|それぞれ|之下|之后|之後|裡面|邮件中|郵件中|中间|中間|最后|最後|红|紅|\
     蓝|藍|绿|綠|斜体|粗体|逐一|안에|초록|색으로|본문|끝에|밑에|뒤에",
);

/// Beginnings of words that do as [`BELOW`] does.
pub static BELOW_STEMS: Words = Words::new(
    "ausgefüllt|eingetragen|angekreuzt|korrigiert|rempli|complété|coché|rellen|completad|preench|compilat|ingevuld|\
     aangevinkt|ifyll|fyllt i|kolumn|udfyldt|utfylt|fylt ut|kolonne|täytin|taulukkoo|sarakkee|wypełni|kolumni|\
     dopisał|vyplni|tabulk|sloupc|doplni|kitöltött|táblázat|oszlop|beírtam|doldurdum|sütun|заполнил|вписал|таблиц|\
     столбц|мои правки|заповнив|заповнила|вписав|стовпч|попълни|συμπλήρωσ|πίνακ|στήλη|記入|表に|欄|填写|填寫|填好|表格|채웠|표에|기입|\
     filled the|filled your",
);
