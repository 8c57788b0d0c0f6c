"""Words and phrases of both languages that mean one thing by rule, whatever the classifier makes of them.

All are compared with `plain_words`: lower case, without accents and signs.
"""

import re


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


STOP_WORDS = {
    *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"),
    *("alto", "parar", "pare", "baja", "cancelar", "para", "no mas", "alto por favor", "pare por favor"),
    *(
        "remove",
        "unsub",
        "salir",
        "fin",
        "finalizar",
        "terminar",
        "detener",
        "eliminar",
        "borrar",
        "desuscribir",
    ),
}
# May be meant for the texts, or for anything else.
DOUBTFUL_WORDS = {"can you stop", "please stop it", "im done", "ay ya", "ya basta", "leave me alone"}
# A tap on a text of ours, as phones send it where there is no iMessage and no RCS: with our own words in it.
REACTION = re.compile(
    r"(?:liked|disliked|loved|laughed at|emphasized|questioned|(?:no )?le (?:gusto|encanto)|se rio de"
    r"|enfatizo|destaco|exclamo por|pregunto por|reacted .{1,8} to|reacciono con .{1,8} a|removed an?"
    r" [\w ]{1,20} from"
    r"|(?:elimino|quito) [\w ]{1,20} de|[^\w\s]{1,8} (?:to|a)) ?[“\"«]"
)
LIKED = re.compile(r"liked|le gusto|[^“\"«]{0,20}👍")
DISLIKED = re.compile(r"disliked|no le gusto|[^“\"«]{0,20}👎")
# Words that are one with the space that slipped in.
RUN_TOGETHER = {"stop", "stopall", "unsubscribe", "optout"}
# With nothing else these are a wish, if a doubtful one.
STOP_SIGNS = set("🛑⛔📵")
HOW_TO_STOP = re.compile(
    r"\bhow (?:do|can|could|would) (?:i|we) (?:make|get) (?:all )?(?:these|this|them|it|the texts)(?: texts"
    r"| messages)? (?:to )?stop\b|\bcomo (?:le hago|hago) (?:para )?que (?:ya )?(?:paren|dejen|no lleguen)\b"
)
START_WORDS = {"start", "unstop", "alta", "resubscribe", "resubscribe me", "iniciar", "reanudar"}
_OF_TEXTS = r"(?:texts?|texting|messages?|messaging|mensajes|textos|reminders?|recordatorios|avisos)"
# START with please, again or texts, and a wish for texts in so many words. "No quiero" is none.
WANTS_TEXTS = re.compile(
    r"(?:(?:sorry|perdon|oops|ok|yes|please|por favor|disculpe?n?|no|my mistake|i made a mistake|(?:i )?didnt"
    r" mean (?:to )?stop|i meant|quise decir|no quise decir stop|era) ){0,3}"
    r"(?:re ?)?(?:start|unstop|alta|iniciar|reanudar|subscribe|activate)(?: (?:please|pls|plz|por|favor|porfa"
    r"|again|back|me"
    r"|otra|vez|de|nuevo|my|the|mis|los|sending|getting|receiving|up|now|ya|thanks|thank|you|gracias|to|for|a"
    rf"|this|number|this|phone|{_OF_TEXTS}|notifications))*"
    r"|(?:(?:no|sorry|yes|wait|oops|please|i do|actually|but) ){0,3}"
    rf"i (?:do )?(?:want|would like|need)(?: to)?(?: (?:get|keep getting|receive|have|see))? (?:the |your "
    rf"|my |these "
    rf"|those |union )?{_OF_TEXTS}(?: (?:again|back|please|to start|turned on|on|from you|thanks?|you))*"
    r"|(?:(?:perdon|si|por favor|disculpe?n?|espere?n?) ){0,2}(?:yo )?(?:si )?(?:quiero|quisiera"
    r"|necesito)(?: volver a)?"
    rf"(?: recibir| que me (?:manden|lleguen|vuelvan a mandar))? (?:los |sus |mis |otra vez (?:los"
    rf" )?)?{_OF_TEXTS}"
    r"(?: (?:otra vez|de nuevo|por favor|gracias))*"
)
HELP_WORDS = {"help", "info", "ayuda", "informacion"}
WHO_PHRASES = (
    "who is this",
    "whos this",
    "who are you",
    "quien es",
    "quien eres",
    "quienes son",
    "de quien es",
)
ALL_WORDS = {
    "all",
    "all of us",
    "both",
    "both of us",
    "we all",
    "todos",
    "todas",
    "ambos",
    "ambas",
    "los dos",
}
COMING_WORDS = {
    *("in", "im in", "count me in", "yes", "yes coming", "coming", "ill be there", "well be there"),
    *("si", "voy", "si voy", "ahi estare", "ahi estaremos", "alli estare", "cuenten conmigo"),
    *("cuenta conmigo", "y", "ok", "okay", "okey", "okie", "k", "kk", "ok ok", "ok thanks"),
    *("ok thank you", "ok gracias", "oki", "sale", "sale y vale", "va", "vale", "dale", "orale"),
    *("arre", "de acuerdo", "por supuesto", "desde luego", "of course", "for sure", "you bet"),
    *("sounds good", "sure thing", "perfecto", "listo", "lista", "all good", "will do", "can do"),
}
NOT_COMING_WORDS = {
    *("out", "im out", "count me out", "no", "n", "nope", "nel", "nop", "not coming", "cant", "cannot"),
    *("i cant", "sorry cant", "cant come", "cant make it", "i cant make it", "i cant come", "no voy"),
    *("no puedo", "no puedo ir", "no podre", "no ire", "no voy a poder", "no se puede"),
    *("ahora no se puede", "hoy no se puede", "no cuenten conmigo"),
}
# What people send instead of a word.
YES_SIGNS, NO_SIGNS = set("👍✅💯👌🙋✔☑🆗"), set("👎❌🙅🚫")
SURELY = re.compile(r"(?:100|110|1000|cien|mil) ?(?:%|percent|por ?ciento)")
# "Me but not my wife": whoever writes is coming, and a person looks at the rest.
ME_ALONE = re.compile(
    r"(?:(?:just|only|solo|nomas) )?(?:me|myself|i am|i can|i will|im coming|ill be there|yo(?: si)?(?:"
    r" voy)?)(?: yes| si)?"
    r" (?:but|pero) (?:(?:not|no) (?:my|mi|him|her|them|ella|ellos)\b|(?:my|mi) \w+ (?:cant|wont|isnt|is"
    r" not|cannot|no)\b).*"
)
# What begins with an answer and goes on: "Yes, where do we meet?"; "si" and "no" begin other things too.
YES_FIRST = re.compile(
    r"(?:(?:yes|yep|yeah|yup|sure|claro(?: que si)?|simon|sip|1|ok|okay|count me in|im (?:in|coming)|ill be"
    r" there|(?:si )?voy"
    r"|si (?=ahi|alli|cuenten)|(?:si )?(?:ahi|alli) estare|cuenten conmigo)\b|si[,.;!])(?!\W*\?|\W*(?:&|or"
    r"|o|and|y)? ?(?:no|2)\b)"
)
NO_FIRST = re.compile(
    r"(?:(?:nope|nah|2|no puedo|no voy|no podre|cant make it|i cant|cant|im out|out sick)\b|no[,.;!]|no"
    r" sorry\b)"
    r"(?!\W*\?|\W*(?:&|or|o|and|y)? ?(?:yes|si|1)\b)"
)
# What makes an answer none.
PERHAPS = re.compile(
    r"\b(?:if|unless|depends?|depende|maybe|quizas?|tal vez|a lo mejor|not sure|no se si|probably|might|a"
    r" menos)\b"
    r"|\bsi (?:me|puedo|alguien|consigo|encuentro|hay|llueve|contesto|mando)\b"
)
# A question, or something for a person to do, beside the answer; with the signs, which tell a question.
_ASKING = (
    r"(?:what|where|whats|wheres|which|whos|who|how|why|when(?! (?:i|im|my|we|school)\b)|do (?:i|we|you)"
    r"|does|did|is (?:there|it|the)"
    r"|are (?:there|we|you)|will (?:there|i|we|it|you)|should (?:i|we)|can (?:i|we|you|my|someone|anyone)"
    r"|could|would|a que|que hora"
    r"|donde|cuando(?! (?:termin|deje|salg|llegu))|cual|quien|cuant[oa]s?|por ?que|(?<!no )(?<!si )(?:hay"
    r" que|hay|puedo|podemos|pueden?|se puede)"
    r"|me (?:pueden?|van)|nos (?:pueden?|van)|alguien|tengo que|debo)\b"
)
ASKS_SOMETHING = re.compile(
    r"[?¿]"
    rf"|(?:[.,;!\n-]|\b(?:but|and|pero|y|yes|yep|yeah|yup|sure|ok|no|si|claro|sorry|nope|1|2|there|voy"
    rf"|estare|conmigo|in)\b) *"
    rf"(?:so |also |oiga |oye |por cierto |btw |just |solo )?{_ASKING}"
    r"|\b(?:call me|llame(?:n|me|nme)|marque(?:n|me|nme)|me (?:pueden?|podrian?) (?:llamar|marcar|avisar)"
    r"|let me know|can some(?:one|body)"
    r"|need (?:someone|somebody|to know|to talk|a (?:ride|sign|badge|shirt|sub|copy|letter))|necesito"
    r" (?:saber|que|hablar|un|una))\b"
    r"|\b(?:also|ademas|by the way|btw|por cierto)\b|\b(?:address|email|number|phone) (?:has |is )?changed\b"
)
# A question and no answer: "can I come even if I'm a sub".
ASKS_FIRST = re.compile(
    r"\W*(?:(?:can|could|may|should) (?:i|we|my|you|someone|anyone)|(?:do|did|does|is|are|will) (?:i|we|you"
    r"|it|there|the|this|they)"
    r"|what|where|when|which|who|how|why|(?:se )?puedo|podemos|se puede|donde|a que|cuando|quien|cual|hay"
    r" que)\b"
)
# A wish about texts and nothing else. "Don't stop texting" is none.
NO_MORE_TEXTS = re.compile(
    r"(?<!dont )(?<!do not )(?<!never )(?<!not )(?<!you )\b(?:stop|quit) (?:sending )?(?:me |my "
    r"|these |the |all )*(?:text|messag)\w*"
    r"|\bno more (?:text|messag)\w*|\b(?:dont|do not) text me\b"
    r"|\bno me (?:escriban|manden|envien|texteen)\b|\bno mas (?:mensajes|textos)\b"
    r"|\bno (?:me )?(?:sigan|anden|esten|vuelvan a) (?:escrib|mand|envi|texte)\w*"
)
# The same as a sentence of its own is clear, whatever else a text says; compared with its signs.
PLAIN_WISH = re.compile(
    r"(?:^|[.!?;\n]) *(?:please |pls |just |and |so |now |ya |por favor )?(?:(?:stop|quit) (?:texting"
    r"|messaging|contacting)"
    r" (?:me|us|this (?:number|phone))|(?:dejen?|paren) de (?:mandarme|escribirme|textearme|mandarnos"
    r"|escribirnos))\b"
)
# Stopping that is not asked of the texts: "don't stop texting us", "stop by room 12", "the bus stop".
NO_STOP = re.compile(
    r"(?<!why )\b(?:dont|do not|never) (?:you )?(?:dare |ever |please )*(?:stop|quit|(?:take|remove"
    r"|delete) me)\b"
    r"|\bno (?:paren|pare|dejen de (?:mand|escrib|texte|avis)\w*)\b"
    r"|\bno (?:me )?(?:vayan a )?(?:quit|borr|saq|elimin)(?:en|ar|uen)\b"
    r"|(?<!you )(?<!they )(?<!dont )(?<!not )(?<!still )\b(?:keep|sigan) "
    r"(?:texting|sending|mandando|escribiendo|texteando)\b"
    r"|\b(?:district|distrito|superintendent|board|principal|lausd) (?:to |will |must "
    r"|please )?(?:stop|quit|deje|pare)\b"
    r"|\bdejen de (?:recort|rob|despid|cerr|ment|explot|privatiz)\w*|\bno mas (?:recortes|despidos"
    r"|mentiras)\b"
    r"|\bstop(?:ped|s|ping)? (?:by|sign|light|over|off)\b|\bbus stop\b|\bthe stop\b"
)
# Texts that do not arrive, or no longer: said of them, it is the contrary of a wish to stop. What is left
# of a text without it tells whether it holds such a wish as well.
_TEXTS = r"(?:texts?|messages?|msgs?|reminders?|alerts?|updates?|notifications?)"
_NOT = r"(?:dont|do not|didnt|did not|doesnt|does not|havent|have not|hasnt|has not|never|cant)"
_HAS = r"(?:are|is|were|have|has|just|all|do|does|did)"
_MAILED = r"(?:sending|texting|messaging|coming|arriving|writing)"
NOT_ARRIVING = _any_of(
    r"\b(?:im |i am |am i |are we |were |we are |still )?(?:not|no longer|arent i|isnt \w+|arent \w+)"
    r" (?:been |even |really"
    r" |always )?(?:getting|receiving|seeing)\b",
    rf"\b{_NOT} (?:i |we |they )?(?:seem to |even |ever |always |really |been |actually )*(?:get|got|gotten"
    rf"|getting|receive"
    r"|received|receiving|see|seen)\b(?! (?:why|how|what|it|this|me|you|paid)\b)",
    rf"\b(?:{_TEXTS}|they|it|nothing)(?: from \w+(?: \w+)?)? (?:{_HAS} )*(?:not |never |dont |doesnt |didnt"
    rf" |arent |isnt |havent"
    r" |hasnt |stopped |quit )(?:been )?(?:com\w+|came|arriv\w+|getting|going|show\w*|reach\w*|load\w*"
    r"|deliver\w*)",
    r"\bnothing (?:is |has )?(?:com\w+|came|arriv\w+)",
    rf"\bno (?:more )?{_TEXTS}(?: from (?:you|the \w+))?(?: guys| all)? (?:came|come|coming|arriv\w+|since"
    rf"|yet|lately|so far"
    r"|all (?:day|week|morning)|in (?:days|weeks|a|over|two|three|\d+)|for (?:days|weeks))\b",
    rf"\b(?:still|gets?|got|getting|received?) (?:no|zero) {_TEXTS}\b",
    r"\b(?:ya )?(?:no|nunca|tampoco) (?:me |nos |le |les )?(?:han? |esta[ns]? |estoy |estamos |he |hemos "
    r"|estaba )?"
    r"(?:recib(?:o|e|en|es|i|io|imos|ido|iendo|ieron)|lleg(?:an?|o|aron|ado|ando|aba|aban)|entran?|caen)\b",
    r"\b(?:no hay|sin) (?:mensajes|textos|avisos|recordatorios) (?:desde|hace|hoy)\b",
)
OF_TEXTS = re.compile(
    r"\b(?:text|txt|messag|msg|mesage|reminder|notif|alert|update|aviso|mensaj|msj|recordatorio|anything"
    r"|nothing|nada"
    r"|them|these|notice|recib|llegan)"
)
# "Why did you stop texting me?", "I was taken off by mistake", "I never said stop", "put me back".
WHY_STOPPED = _any_of(
    rf"\bwhy (?:did|have|has) (?:you|u|yall|they|it|the|my|these|our|your)(?: guys| all| union| {_TEXTS})*"
    rf" (?:stop|stopped|quit)\b(?: {_MAILED})?",
    rf"\bwhy (?:(?:are|is) there |am i getting |do i get |did i get )?(?:no|not any) (?:more )?{_TEXTS}\b",
    r"\b(?:why|how come) (?:was|were|am|did) (?:i|we|you|u|they)(?: guys| get)*"
    r" (?:taken|take|removed?|dropp?(?:ed)?|kick(?:ed)?|deleted?|unsubscribed?)(?: me| us)?(?: off)?(?: of)?",
    r"\bdid (?:i|we) get (?:taken|removed|dropped|kicked|deleted)(?: off)?",
    rf"(?<!if )(?<!time )(?<!have )(?<!havent )(?<!hasnt )\b(?:you|u|yall|they|it|{_TEXTS})(?: guys| all|"
    rf" just| have| has)*"
    rf" stopped {_MAILED}\b",
    r"\b(?:i|we|ive|have|has) (?:just )?stopped (?:getting|receiving|seeing)\b",
    r"\b(?:removed|took me off|taken off|dropped|unsubscribed|stopped|opted out|kicked off|deleted)(?:"
    r" \w+){0,3}"
    r" by (?:mistake|accident|error)\b",
    r"\baccidentally (?:\w+ )?(?:removed|unsubscribed?|stopped|opted out|deleted)\b",
    r"\bby (?:mistake|accident) (?:\w+ )?(?:removed|unsubscribed|stopped|opted out|deleted)\b",
    r"\b(?:never|didnt|did not) (?:say|said|send|sent|ask|asked|put|text|texted|type|typed) (?:you |for"
    r" )?(?:to )?(?:be |get )?"
    r"(?:stop|unsubscribe|removed|taken off|opt out|opted out|that)\b",
    r"\b(?:never|didnt|did not) unsubscribed?\b",
    r"\b(?:no|nunca) (?:pedi|puse|dije|mande|quise|escribi) (?:que me (?:dieran de baja|quitaran|sacaran"
    r"|borraran)|alto|stop"
    r"|baja|parar|(?:darme|dar) de baja)\b",
    r"\b(?:no|nunca) (?:me )?(?:quise|queria) (?:darme|dar) de baja\b",
    r"(?<!dont )(?<!not )\b(?:still|do) want (?:them|texts|messages|reminders|to (?:be on|get|keep|stay))\b",
    r"\b(?:put|add|sign) me (?:back|again)\b|\bwant (?:to be )?back on\b",
    r"\bsi (?:los quiero|quiero (?:los|sus|mis|recibir))\b",
    r"\b(?:vuelvanme a|regresenme|reactiven|re ?add me)\b",
    r"\b(?:por ?que|xq|pq) (?:ya )?(?:dejaron|dejo|pararon|me quitaron|me sacaron|me borraron|me dieron de"
    r" baja"
    r"|no (?:me )?(?:mandan|escriben|avisan|mandaron|avisaron))\b(?: de (?:mandar\w*|escribir\w*|avisar\w*"
    r"|texte\w*))?",
    r"\b(?:me |nos )?(?:dejaron|han dejado|dejo) de (?:mandar\w*|escribir\w*|avisar\w*|llegar\w*|texte\w*)",
    r"\bme (?:quitaron|sacaron|borraron|dieron de baja)(?: de la lista)? (?:por error|sin querer|sin avisar"
    r"|y yo|yo sigo)\b",
)
# With one of these, that nothing arrives may be what is wished for.
WISHED_FOR = re.compile(
    r"\b(?:want\w*|wanna|wish\w*|rather|prefer\w*|like to|need to|should\w*|supposed|better|hope\w*|please"
    r" (?:no|dont|do not)"
    r"|make sure|how (?:do|can|could) i|so (?:that )?i (?:dont|do not|no longer|wont)|interest\w*|asked"
    r"|agreed?|signed?"
    r"|consent\w*|appreciat\w*|happier|quiero|quisiera|deseo|gustaria|prefiero)\b"
)
# "No more water", "cancel my ride", "text my other number": something else has an end.
_SUPPLIES = (
    r"(?:water|coffee|signs?|ice|donuts?|chairs?|tape|markers?|cups?|parking|room|space|batter\w+|ponchos?"
    r"|umbrellas?|stickers?"
    r"|shirts?|posters?|food|snacks?|tacos?|pan dulce|agua|cafe|carteles|hielo|pilas|comida|lugar|sillas"
    r"|marcadores)"
)
_ELSEWHERE = (
    r"(?:my |the |mi |al? |este )*(?:other|new|otro|nuevo)"
    r" (?:number|cell|phone|one|line|numero|cel|celular|telefono)"
)
OF_OTHER_THINGS = _any_of(
    rf"\b(?:no more|no mas|(?:ya )?no hay(?: mas)?|ran out of|out of) {_SUPPLIES}\b",
    r"\bcancel (?:my|our|the|mi) (?:ride|order|orden|room|spot|shift|appointment|lunch|reservation|carpool"
    r"|seat|pass|meeting"
    r"|uber|pizza)\b",
    r"\bleave me (?:a|an|some|one|two|my) (?!break|alone)\w+",
    rf"(?<!dont )(?<!not )(?<!never )\b(?:text|call|write|use|send)(?: \w+){{0,4}} {_ELSEWHERE}\b",
    rf"(?<!no )(?<!no me )\b(?:manden\w*|escriban\w*|envien\w*|texteen\w*)(?: \w+){{0,4}} {_ELSEWHERE}\b",
    r"(?<!dont )(?<!not )(?<!never )\btext (?:my cell|me here from now)\b",
    r"\btake (?:me|us) off (?:the|your|that) (?:livestream|stream|video|photos?|camera|schedule|carpool|snack"
    r"|potluck|speaker\w*|sheet)\b",
    r"\bthats it for (?:today|now)\b",
)
# Answers to anything, and so to nothing that was not asked.
SHORT_ANSWERS = {
    "yes",
    "no",
    "si",
    "ok",
    "okay",
    "yep",
    "nope",
    "all",
    "todos",
    "todas",
    "both",
    "maybe",
    "why",
    "que",
}
# What says, with a wrong number, that it should get nothing more.
LET_GO = re.compile(
    r"\b(?:stop|quit|remove|delete|unsubscribe|lose|no more|off|alto|basta|ya no|dejen|(?:borr|elimin"
    r"|saqu|quit)\w+)\b"
    r"|\b(?:dont|do not|no) (?:me )?(?:text|call|contact|send|messag|mand|escrib|envi|textee)\w*"
)
# Words that hardly anybody writes of anything but danger: with them, less is enough for an alarm.
DANGER = re.compile(
    r"\b(?:guns?|gunshots?|shooting|shooter|pistola|rifle|knife|machete|cuchillo|navaja|balazos?"
    r"|disparos|bombs?"
    r"|stabbed|apunal\w+|bleeding|sangr\w+|unconscious|inconsciente|seizure|convuls\w+|fainted|desmay\w+"
    r"|infarto|heart attack|collapsed|overdose|sobredosis|not breathing|no respira|cant breathe|ambulanc\w+"
    r"|paramedic\w*|atropell\w+|hit by|ran over|ice|migra|redada|raid|arrest\w*|handcuff\w*|esposad[oa]s?"
    r"|fire|incendio|bomberos|explo\w+|kill\w*|mata(?:rme|rse|ron|r)?|me mato|vivir|suicid\w*|end it)\b"
)
# Calls for help that are always one.
CALL_FOR_HELP = re.compile(
    r"^(?:where|wheres|donde)(?: is| are| s| esta| estan)? (?:the |la |los )?(?:police|policia|cops|ambulance"
    r"|ambulancia|medics?|paramedics?|paramedicos)$|"
    r"^(?:(?:call |llamen al )?(?:9 ?1 ?1|nine one one|nine eleven)|sos|mayday|auxilio|socorro)$"
    r"|^(?!.*\b(?:if|should|dont|do not|si|when|cuando|no)\b).*\b(?:call|llam\w+|marqu\w+|hablen)(?: al?)? ?"
    r"(?:9 ?1 ?1|nine one one)\b"
    r"|\b(?:quit\w* la vida|no quiero vivir|quiero morir|want to die|kill myself|want to live (?:no"
    r"|any) ?more)\b"
)
# HELP in capitals and more, unless it is help with something: compared as it was written.
HELP_AND_MORE = re.compile(
    r"\W*(?:HELP|AYUDA)\b(?!\W*(?i:with|con|para|for|desk|line|hours"
    r"|me (?:log|sign|find|with|understand|get))\b)"
    r"\W+\w[^?]*$"
)
# "if you text me again", "otro mensaje y": with the police, that is a wish to get no more.
ANOTHER_TEXT = re.compile(
    r"\b(?:text|message|write) me (?:again|one more|once more)\b"
    r"|\b(?:one more|another|otro) (?:text|message|mensaje|texto)(?: mas)? (?:and|y|e)\b"
    r"|\bsi (?:me |nos )?(?:vuelven? a|siguen|no (?:paran|dejan) de) (?:escrib|mand|envi|texte)\w*"
)
# With a wish to get no more texts, an alarm: "stop texting me or I call the police".
POLICE = re.compile(r"\b(?:police|policia|cops|911|emergency|emergencia|ambulanc\w+)\b")
# A word of leaving.
AWAY = re.compile(r"\b(?:out|done|goodbye|bye|adios|away|gone|fin|email|correo)\b")
# "where", "WHERE Lincoln", "¿dónde está mi línea?"; whether a school follows, the sites tell.
WHERE = re.compile(
    r"(?:where|donde)(?: ?s| is| are| esta| queda| es)?(?: (?:my|our|the|mi|la|nuestra) (?:picket )?"
    r"(?:line|picket|linea|piquete))?(?: (?:at|for|en|de))?(?: (?P<school>\w.{1,59}))?"
)
# Words of a question that no school's name has: "where do I park?".
NO_SCHOOL = re.compile(
    r"\b(?:do|does|did|can|could|should|will|would|i|im|you|we|they|he|she|it|to|that|this|there|everybody"
    r"|everyone"
    r"|people|all|going|go|meet|park|hay|me|nos|se|puedo|podemos|debo|vamos|van|estan|todos|gente|compro"
    r"|cuando)\b"
)
HERE = re.compile(r"(?:im |i am |estoy )?(?:here|aqui|presente)\s*[:#-]?\s*(\d{4,6})")
HERE_WORDS = {
    *("here", "im here", "i am here", "aqui", "aqui estoy", "ya estoy aqui", "estoy aqui", "presente"),
    *(
        "check me in",
        "check me in please",
        "please check me in",
        "checking in",
        "check in",
        "ya llegue",
        "ya llegamos",
        "registreme",
        "just got here",
        "just arrived",
        "i made it",
        "we are here",
        "were here",
    ),
}
AT_THE_LINE = re.compile(
    r"(?:(?:im|i am|were|we are|ya|estoy|ando|made it) ){0,2}(?:at|en) (?:the |la |el |my |mi )?(?:\w+ )?"
    r"(?:gate|line|picket|puerta|entrada|linea|piquete)(?: \w)?(?: (?:now|already|ya|ahora|ahorita))+"
)
# A chair's text that begins with a count goes on as it likes.
COUNT_FIRST = re.compile(
    r"(?:we have |we are |were |somos |hay )?\d+ (?:here|aqui|people|ppl|personas|of us|teachers"
    r"|maestr[oa]s)\b"
)
