"""Word classes of both languages, and how phones spell: what lets a rare word be read like a common one.

    A word with a star stands for all that begin with it. Words are without accents
        (`features.fold`). A word may
be of several classes; a class is a hint among others, and what it weighs is learnt.
"""

_SPELLINGS = """
    you: u yu
    your: ur yr
    are: r
    please: pls plz plez pleas plese plis plees pliz pleaze plss
    text: txt
    texts: txts texs
    texting: txting
    message: msg mssg mesage
    messages: msgs mssgs msges mesages
    que: q k ke qe
    porque: xq pq porq xk pk porke xque
    por: x
    de: d
    tambien: tmb tb tmbn tambn
    dont: dnt dony dotn
    because: cuz cause bc coz
    tomorrow: tmrw tmr tomorow tmw tommorow
    mensajes: msj msjs mjs mensages mensajs mensjes
    aqui: aki aqi
    estoy: toy
    quiero: kiero qiero
    como: komo
    thanks: thx thks ty tks
    gracias: grax grasias
    favor: favr fabor
    people: ppl
    be: b
    and: n nd
    see: c
    bien: bn
    stop: estop stob stopp stpo sotp stoo stip stp sop stahp stoop estoop stpp strop stopo istop
    help: hlp halp
    ayuda: ayda alluda
    number: numbr nmbr num nums
    gonna: gona gunna
    celular: cel celu
    with: w
"""
_CLASSES = """
    texts: text* txt* messag* mensaj* reminder* recordatori* notif* aviso* alert* update* sms spam blast*
        buzz* ping* notice* comunicad*
    sending: send* sent sending text texting texteen texteando textear escrib* mand* envi* contact*
        bother*
        molest* hit blow* reach* call* llam* llegan lleg* messaging messag* busquen avis* pester* harass*
    list: list* lista* roster* database* sistema* contacts contactos directory book record* registr*
        group*
        grupo* chat thread program* subscription suscrip*
    number: number* numero* celular* cell phone* fone telefon* line info informacion datos name nombre
    stop: stop* quit quits quitting cease cesen halt parar paren pare parenle parele dejen dejar deja
        dejenme dejame basta alto cancel* unsub* unsuscri* desuscri* optout baja end delist enough
        finalizar 🛑 🚫 📵 ✋ ❌
        unenroll disenroll discontinue
        deje paran pararle detene* deteng* apag* anul* cort* cierren suspend* kill mute* silenci*
        silence paus* termin* revok* rescind* withdraw* unscribe dejende acab* ultim*
        cansel* suficient* demasiad* discontinu* parale parenl* parense
    remove: remov* delet* eras* drop* scratch wipe* borr* quiten* quitar* quita quite* quiter* kiten*
        elimin* saq* sacar* sacen* retir* desactiv* tach* take off lose forget* olvid* block* salir* salgo
        salirme cut unlist* purge* strike ditch leave* disconnect* deactivat* desinscri* desapunt* bajen*
        opting opt rmv
        fuera sacam* quitam* quitan* quitarm* quito kite* bajam* bajenm* remuev* boram* boren*
        scrub* pierd* bloque* exclu* deregister uninstall* disabl* exempt*
    not: no not dont never nunca jamas ni sin nada aint cant wont didnt doesnt isnt arent wasnt
        nobody nadie
        none ningun* tampoco without nor couldnt wouldnt cannot havent hasnt nomas
        zero cero nel nop nah
    more: more mas anymore again ya another otra otro otras longer nomas further even siguiente
        siguen sigan
        keep* sigue
    me: me my mi i im yo mio mine ive mis conmigo
    you: you your ustedes tu tus usted yall uds su sus
    please: please favor porfa* porfis kindly
    cause: cut* recort* layoff* despid* school* escuela* district* distrito* employer* job* contract*
        contrat* strike* huelga* salary sueldo* pay* fight* luch* win winning ganar ganemos
        superintendent*
        board class* bargain* rais* wage* benefi* seguro health* budget* privatiz* negoci* patron*
        director*
        princip* boss* jefe*
    weapon: gun guns gunman pistol* rifle* shotgun* knife* knives machete* weapon* cuchill* navaja* arma
        armas armado armada shot* shoot* dispar* balaz* balac* tiro tiros tirote* bat bate bomb* punal*
        stab* apunal* acuchill* taser* pepper* gas lacrimogen* hammer martillo crowbar axe blade*
        pipe tubo
        bottle* botell* rock* piedra* brick* ladrill* firework* cuete* molotov* pellet* bb grenade*
        granada*
        mace* detonacion*
        palo palos bats macana* cadena* chain chains rope hacha escopeta* bullet* bala balas balas*
        🔫 🔪 🗡 💣 🪓
        balacera suspicious sospechos* bulto* torch* antorch* laser lasers drugged crowbars batazo*
    medical: faint* desmay* desvanec* seizure* convuls* epilep* ataque breath* respir* chest pecho heart*
        infart* corazon stroke embolia paro blood* sangr* bleed* unconscious* inconscient* conscien*
        collaps* desplom* ambulanc* ambulansia paramedic* diabet* insulin* epipen allerg* alerg* asthma*
        asma* inhal* overdos* sobredosis narcan broke* fractur* hurt* injur* herid* lastim* burn*
        quem* fire
        fires flame* llamas incendi* smoke humo fumes contraction* pills pastillas suicid* muer*
        morir muri*
        dying die dies dead passed concuss* wound* unrespons* cpr defib* aed choking chok* ahog* drown*
        atragant* labor parto fever* vomit* dizzy mare* overheat* heatstroke insolac* twist* sprain*
        tobill*
        ankle* rodilla shock* stung* abej* bit mordi* bitten electro* cables gurney camilla dolor azucar
        pressure presion limp pulse pulso reacciona despierta poison* veneno monoxide lightheaded oxygen
        oxigeno
        blue azul morad* purple gris pale palid* tongue lengua throat garganta lip lips labio*
        swallow* trag* foam* espuma shaking temblando shiver* sugar contraccion* alacran hueso bone
        anaphyla* anafila* hyperventil* encaj* clav* impal* pinned stuck atorad* breakdown infarct*
        epilept* ronch* hives tieso tiesa stiff freezing frostb* hipoterm* spark* chispa* propan* cable
        cables wires flare bengala
        🩸 🤕 tourniquet* medic medics medico doctor hospital sudando clammy hypothermia tingl* numb mareo
        marea* bled* sezure breth* breething colaps* crumpl* responsiv* responde respondiendo
        contesta wake despiert* levant* mueve moving cut cuts cortad* hinch* swell* swoll* veins
        venas blind vomiting knocked
    fall: fell fall* fallen caer caid* cay* tropez* trip* slip* resbal* down ground suelo piso caved
        tumb* aplast* desplom* lean* ledge roof techo azotea jump* lying tirad* acostad* floor derrumb*
    vehicle: car cars truck* carro* troca* camionet* camion* van vans minivan suv bus buses autobus* moto*
        motorcycle* driver* conductor* choc* atropell* run ran over plow* ram ramm* drove driving embist*
        swerv* acceler* aceler* speed* vehicul* vehicle* sedan pickup hit tesla bumper tir* manej* crash*
        struck forklift scooter bike bici* tow* grua prensad* aplast*
        train tren traffic trafico freeway lane lanes frenos brakes volante trailer trailero rig
    police: police* polisia polic* cop cops sheriff* officer* oficial* patrull* arrest* detain* deten*
        detuv* detiene* handcuff* cuff* esposad* esposas esposaron lapd swat riot* antimotines
        squad* deput*
        chota jura granader* marshals guard* seguridad security zip
        warrant* vest vests chaleco* baton* kettl* antimotin* tase*
    immigration: ice migra immigration inmigracion agent* raid* redada* cbp hsi federal* feds
        deport* papers
        papeles badge* mask* enmascarad* encapuch* unmarked border
    violence: fight* push* punch* attack* threat* amenaz* golpe* peg* pelea* empuj* kick* throw* thrown
        threw shov* grab* grop* follow* siguen swing* swung stab* spit* spat robb* robo robar*
        asalt* stole*
        beat* scream* grit* gang molest* hit hits hitting slap* chok* ataca* atac* agarr* jal*
        persig* chas*
        stalk* lunge* assault* mugg* brawl* riot* aventa* avent* lanz* tiro trae wav* point* apunt*
        violen*
        aggress* agres* armed rape* drag* arrastr* spray* surround* rode* acorral* corner* blocking trapp*
        atrapad* encerrad* locked hiding escond* rob robber* intruder* lockdown evacu* stampede estampida
        gas* fuga leak* derrumb* explo* explot* earthquake temblor live wire kidnap* secuestr* headlock
        mob jumping jumped ahorc* strangl* corret* rush* tackl* macanazo* patea* pateo matar mata
        matan drunk borrach* restraining restricc* kill kills killed killing hair jumpin machuc*
        revol* llevaron llevan llevo
        taken apresa*
    missing: missing perdi* lost desaparec* aparece hallamos encuentr* vanish* dementia alone
        alone sola solo wander* desconocid* stranger
    aid: help* ayud* auxili* sos socorro urgen* emergenc* hurry apur* rapido quick* asap 911 mayday
        rescue*
        pronto 🆘 🚑 🚨 🚒 danger* threat* amenaz*
        ayid* aiud* allud* hepl emergen* hury corran corral* vengan venga saquenos marquen peligr*
        danger* safe unsafe seguros trouble urg* nurse nurses medico
    person: kid* child* teacher* maestr* woman man lady mujer senor* abuel* student* estudiant* nin*
        alumn*
        somebody someone alguien guy guys dude tipo persona person people gente mom mama papa dad wife
        husband espos* hij* son daughter companer* colleague* coworker* brother sister herman* elder*
        viejit* he she ella el they baby bebe girl boy muchach* chav* parent* padre* madre* vecin*
        neighbor*
        grandma grandpa aide driver nurse enfermera librarian
    distance: if yesterday ayer last year week training drill simulacr* class curso practice
        ejercicio movie
        pelicula story joke* broma lol jaja* haha* jk figur* news noticias dream* almost casi hope ojala
        apologiz* fine
    coming: come coming comes there go going ire iremos voy vamos ahi alli alla estare estaremos llego
        llegare llegamos way rumbo camino join* apunt* cuent* count attend* asist* present* participat*
        show* arriv* march* yes si yep yeah yup sure claro simon sip seguro obvio absolutely definit* omw
    away: cant wont sick enferm* doctor* dentist* appointment cita* work trabaj* shift turno surgery
        operacion operaron cirugia leave licencia vacation vacaciones flight vuelo hospital covid
        flu gripa
        calentura miss skip pass unable imposible podre puedo falt* retired jubil* cuidar babysit* kids
        funeral velorio court corte
    perhaps: maybe mebbe quiza* depend* sure probabl* might try trat* intent* tal vez chance posible*
        possib* idk acaso perhaps unless later luego despues aviso confirm* let see ver decid* creo think
        depende capaz lado
    arrived: here aqui llegue llegamos arriv* present presente check* code codigo clave ya registr*
        signing
        sign scan* ando presentandome reportandome report*
    stranger: wrong equivocad* incorrect* mistak* conozco know* quien who person name llamo soy isnt new
        nuevo previous anterior owner duen* belong* pertenece changed cambi* used era older former
        ex muri*
        passed fallec* deceased difunt* died bot different* otra otro
    asking: what que how como cual when cuando where donde who quien why porque cuanto cuanta which whats
        wheres hows does do can could puede* pueden is are hay sera will would should
    counting: count people personas teachers maestros parents padres gate puerta heads cabezas somos total
        docena* dozen* about like around unos aproximad* approx entre between us line linea here conte
    again: start* restart* resub* resum* back again vuelv* volver* reactiv* unstop* alta miss*
        reanud* otra
        vez regres* subscribe sign add agreg* apunt* anot* mist* accident* error
    anger: fuck* shit damn hell sue* lawyer* abogad* attorney demand* fcc tcpa harass* acoso illegal
        report*
        stupid idiot* sick tired cansad* hart* fed annoy* molest* wtf pinche* chingad* cabron* spam*
    despair: vivir morir muero muerte suicid* cartas goodbye despedid* pills pastillas frasco venas
        wrist* alive disappear* desaparec* exist* existir rope soga bridge puente overpass forever siempre
        wake despert* carta letter last ultimo reason razon sentido without better anymore aguanto hurting 💔
        living live life vida end ending acabar bye adios perdonenme perdon sorry
    joy: love* loving happy feliz content* thank* gracias great awesome beautiful bonit* lind* padre
        chid* best
        amazing proud orgull* nice fun gust* encant* sirv* helpful util* appreciat* recib* received
        smil* sonri*
        laugh* risa rico rica delicious deliciosa glad alegr* emocion* excit* cute wow yay hooray
        bravo excelente
        good bien buen* cool perfect*
    harmless: lol lmao jaja* jeje* haha* 😂 🤣 🔥 💀 ❤ drill* simulacr* joke* broma donut* dona taco*
        tamal* coffee cafe
        cafecito pan churro* pizza pozole salsa atole champurrado lunch cookie* candy dulces cake
        pastel chant* drum*
        tambor* sing* song* cancion* speech* discurso* dance* bail* sign* poster* pancart* cartel*
        party fiesta
        meeting junta email* memo offer* oferta raise* crowd turnout shirt* camisa* hat* mask*
        weather clima costume*
        disfraz yesterday ayer test prueba news class clase parade cream lemonade cooler
"""


def _entries(lines: str) -> list[tuple[str, str]]:
    """(word, its heading) of "heading: word word heading: word ..."."""
    entries, heading = [], ""
    for word in lines.split():
        if word.endswith(":"):
            heading = word[:-1]
        else:
            entries.append((word, heading))
    return entries


def _by_beginning() -> dict[str, set[str]]:
    entries: dict[str, set[str]] = {}
    for word, name in _entries(_CLASSES):
        entries.setdefault(word, set()).add(name)
    return entries


SPELLINGS = dict(_entries(_SPELLINGS))
_NAMES = _by_beginning()
_LONGEST = max(map(len, _NAMES))


def classes(word: str) -> tuple[str, ...]:
    """The names of the classes a word is of."""
    names = set(_NAMES.get(word, ()))
    for n in range(1, min(len(word), _LONGEST) + 1):
        names.update(_NAMES.get(word[:n] + "*", ()))
    return tuple(sorted(names))
