"""English words that form compounds with a hyphen, and those that are written as one word: for line ends."""

_NUMBERS = """
one two three four five six seven eight nine ten twenty thirty forty fifty sixty seventy eighty ninety hundred first
second third
"""  # Numbers, which form compounds with each other and with all of the following.
_HEADS = """
air all anglo bench best big break broad built business by carbon case check child client climate close closed cold
computer consumer cost cross cut cutting data day decision deep double dry early east eco employee end energy error
evidence eye face fact far fast father feed fixed follow food four free front fuel full future gender good government
half hand hard health heat heavy high higher home hot hour human ill in income industry interest job key labour labor
land large last late law lead left life light line load long longer low lower machine main man market mass medium mid
middle mile model month mother multi near new next noise non north off oil old on open out part pay peer per
performance place point policy poor post power pre price problem profit project public purpose quality quick quasi
random rate re read ready real record right risk role rule run sea self semi service set shape short side signal
single site size slow small so socio soft solar solid sound south space start state step stand steady store strong
student sub sun take target task tax teacher time top trade trial turn type ultra under up user value vice wage walk
water web week weight well west white wide wind word work world year young
"""  # First parts.
_TAILS = """
access added age aged american art aware back balance based before being benefit born bound break british broken built
by called capita case centred centered century chair chairman chancellor changing class committee compliant conscious
controlled cost country created cut date day deep defined demand dependent depth design detail development digit
dimensional directed distance down driven early earning earth edge effect effective efficiency efficient end error
established european ever existing face fact fair farm fast fed fifth fifths financed fire first fit fixed floor flow
focused follow for form founded fold free french frequency friendly fund funded gas general german generation
governmental grade grained grown growing growth half hand handed heat height held high hoc home hour house hundred
impact in income increasing independent informed intensive interest interested intervention invasive japan kind know
known large last lasting law layer learning led legged length letter level life like line linear lived living local
loop loss low made maker making man managed mannered market meaning means medium minded minute mission model month
moving national negative net neutral new next normal north of off offs old on one open operation order ordered
organised oriented out output over owned page paid pain paper part party pass people performance performing person
phase piece place planned point points poor positive power powered president pressure prevention price principal
process producing profit proof protein public purpose put quality quarter quarters range ranging rate rated reaching
read reader ready related relevant reliant renewable rented report reported resistant resolution return rich rise risk
room round run running russian scale season section selected selection sensitive sensing service set shaped shelf
shift shot side sided sign similar size sized skilled small social solid sourced south space speaking specific speed
spread stable stage standing star state step stick stop structured style sufficient suited supply support supported
systematic takes taking tasking tax temperature term terms test tested the thinking third thirds through tide time
times to top trained treated trend trip true type under understood up ups use user value variable versa volume wave
way wearing week weight west wheel wide width will winning wire word words work worker world worn worth written year
years zero
"""  # Last parts.
_CLOSED = """
income outcome input output update upset upload upright upside upon into onto within without undertake underway setup
makeup payoff takeover overall website webpage workday workshop weekday weekend homework database timeline online
offline outline inline baseline deadline lifetime daytime network workplace marketplace fireplace birthday today
sunrise sunset landmark highway halfway runway highlight sideways outside inside offside upstate subset reset reuse
return retake rework rewrite rewritten reopen rebuild report retest preset presume preterm subway standstill standing
forward afterward bylaw byword byway breakup breakdown checkup cutoff handmade homemade hardback layout lineup
leadtime meantime nighttime paperwork password peacetime percent photo sometime spacetime standby takeoff toward
turnover underline underlying understood underwater waterproof whitespace windmill workout worldwide nationwide
subtype submodel subprocess substate subsection subspace restate restart recover replace replaced reform repaid repay
resize reread retold refund review resection reorder reordered international online offshore onset outset longhand
shorthand lefthand blackout
"""  # Written as one word although their parts are listed.

NUMBERS = frozenset(_NUMBERS.split())
HEADS = NUMBERS | frozenset(_HEADS.split())
TAILS = NUMBERS | frozenset(_TAILS.split())
CLOSED = frozenset(_CLOSED.split())
