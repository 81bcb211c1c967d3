#!/usr/bin/env python3
"""Writes contexts.json and attacks.json: the places of a template, and what may be put into them.

Run it after a change: python3 tests/attacks/generate.py
Whether they are what it writes: python3 tests/attacks/generate.py --check

A context is a piece of template with `{{ x }}` in it; `n` numbers the row that it stands in. What is checked of every
context, with every attack in place of `x`, compared with the same context and a harmless value:

- no script of the attack runs, whatever is clicked, hovered, focused or loaded;
- the page has the same elements with the same attributes;
- addresses have safe schemes; style sheets have the same rules with the same properties;
- the template's own script runs, and gets what the context says: "value" the very text, "calls" at least a call.

"names": the value is a name, so that elements and attributes are compared without theirs.
"author": addresses may be code, because the template says so.
"alone": it needs a page of its own.
"still": browsers load or run nothing of it raw either (it is no longer code to them, or `tojson` has done what is needed),
so that there is nothing to prove with an unescaped page.
"plain": values that are no attack are printed as minijinja prints them, to the byte.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
contexts = []


def context(name, html, **more):
    contexts.append({"name": name, "html": html, **more})


# --- text and comments
context("text", "<p>{{ x }}</p>", plain=True)
context("text between text", "<p>a {{ x }} b <b>{{ x }}</b></p>", plain=True)
context("text behind a sign", "<p>1 <{{ x }}</p>", names=True)
context("title", "<title>{{ x }}</title>", plain=True)
context("textarea", "<textarea>{{ x }}</textarea>", plain=True)
context("option", '<select><option value="{{ x }}">{{ x }}</option></select>', plain=True)
context("comment", "<div><!-- {{ x }} --></div>", plain=True)
context("comment alone", "<div><!--{{ x }}--></div>", plain=True)
context("bogus comment", "<div><!{{ x }}></div>", names=True, still=True)
context("xmp", "<xmp>{{ x }}</xmp>", plain=True)
context("frame content", "<iframe>{{ x }}</iframe>", plain=True)
context("noscript", '<noscript><p title="{{ x }}"><a href="{{ x }}">{{ x }}</a></p></noscript>')
context("template", '<template><p title="{{ x }}">{{ x }}</p></template>', plain=True)
context("table cell", "<table><tbody><tr><td>{{ x }}</td></tr></tbody></table>", plain=True)
context("svg text", "<svg><text>{{ x }}</text><title>{{ x }}</title></svg>", plain=True)
context("math text", "<math><mi>{{ x }}</mi></math>", plain=True)

# --- attributes
context("attribute", '<p title="{{ x }}">t</p>', plain=True)
context("attribute in single quotes", "<p title='{{ x }}'>t</p>", plain=True)
context("attribute without quotes", "<p title={{ x }}>t</p>", plain=True)
context("attribute without quotes before others", '<p title={{ x }} lang={{ x }} onclick="got({{ n }}, {{ x }})">t</p>', gets="value")
context("part of an attribute without quotes", "<p title=a{{ x }}b>t</p>", plain=True)
context("attribute of several", '<p title="a {{ x }} b {{ x }}" class="c {{ x }}" id="i{{ x }}">t</p>', plain=True)
context("attribute that comes and goes", '<p {% if x %}title="{{ x }}"{% endif %} lang="l">t</p>', plain=True)
context("attribute without quotes that comes and goes", "<p {% if x %}title={{ x }}{% endif %} lang=l>t</p>", plain=True)
context("attribute in branches", '<p {% if x %}title="{{ x }}{% else %}title="{% endif %}">t</p>', plain=True)
context("value", '<input value="{{ x }}" placeholder="{{ x }}"><button value="{{ x }}">b</button>', plain=True)
context("json in an attribute", '<p title="{{ x|tojson }}">t</p>')
context("json in an attribute in single quotes", "<p title='{{ x|tojson }}'>t</p>", plain=True, still=True)
context("action of the client", '<button type="button" st-value-x="{{ x }}">b</button>', plain=True)

# --- names
context("element", "<{{ x }}>y</{{ x }}>", names=True)
context("number of an element", "<h{{ x }}>y</h{{ x }}>", names=True)
context("rest of an element", "<x-{{ x }}>y</x-{{ x }}>", names=True)
context("attributes", "<p {{ x }}>t</p>", names=True)
context("attributes between others", '<p lang=l {{ x }} title="t">t</p>', names=True)
context("attributes behind a name", "<p onclick {{ x }}>t</p>", names=True)
context("attribute name", '<p {{ x }}="v">t</p>', names=True)
context("attribute name with its value", '<p {{ x }}="{{ x }}">t</p>', names=True)
context("attribute name without quotes", "<p {{ x }}=v>t</p>", names=True)
context("rest of an attribute name", '<p data-{{ x }}="{{ x }}">t</p>', names=True)
context("rest of a dangerous name", '<p on{{ x }}="{{ x }}">t</p>', names=True)

# --- addresses
context("href", '<a href="{{ x }}">a</a>', plain=True)
context("href in single quotes", "<a href='{{ x }}'>a</a>", plain=True)
context("href without quotes", "<a href={{ x }}>a</a>", plain=True)
context("href with spaces before", '<a href="  {{ x }}">a</a>', plain=True)
context("path", '<a href="/p/{{ x }}">a</a>', plain=True, still=True)
context("query", '<a href="?q={{ x }}&amp;r={{ x }}">a</a>', plain=True, still=True)
context("fragment", '<a href="#{{ x }}">a</a>', plain=True, still=True)
context("rest of a scheme", '<a href="java{{ x }}">a</a>')
context("two halves of an address", '<a href="{{ x[:5] }}{{ x[5:] }}">a</a>', plain=True)
context("address in branches", '<a href="{% if x %}{{ x }}{% else %}/{% endif %}">a</a>', plain=True)
context("address that comes and goes", '<a {% if x %}href="{{ x }}"{% endif %}>a</a>', plain=True)
context("address that ends in a branch", '<div><a href="{% if x %}{{ x }}">{% else %}/">{% endif %}a</a></div>')
context("halves that end in a branch", '<div><a href="{% if x %}{{ x[:5] }}{{ x[5:] }}">{% else %}/">{% endif %}a</a></div>')
context("address of characters", '<a href="{% for c in x %}{{ c }}{% endfor %}">a</a>', plain=True)
context("map", '<map name="m"><area href="{{ x }}" alt="a"></map>', plain=True)
context("form", '<form action="{{ x }}"><button>b</button></form>', plain=True)
context("form of a button", '<form><button formaction="{{ x }}">b</button></form>', plain=True)
context("picture", '<img src="{{ x }}" alt="{{ x }}">', plain=True)
context("frame", '<iframe src="{{ x }}"></iframe>', plain=True)
context("object", '<object data="{{ x }}"></object>', plain=True)
context("embed", '<embed src="{{ x }}">', plain=True)
context("poster", '<video poster="{{ x }}" preload="none"></video>', plain=True, still=True)
context("media", '<video preload="none"><source src="{{ x }}"><track src="{{ x }}"></video>', plain=True)
context("background", '<table background="{{ x }}"></table>', plain=True)
context("cite", '<blockquote cite="{{ x }}">q</blockquote>', plain=True)
context("ping", '<a ping="{{ x }} /p" href="/">a</a>', plain=True)
context("link", '<link rel="help" href="{{ x }}">', plain=True)
context("base", '<base href="{{ x }}"><a href="x">a</a>', alone=True)
context("srcset", '<img srcset="{{ x }}" alt="">', plain=True)
context("srcset of several", '<img srcset="/a.png 1x, {{ x }} 2x" alt="">', plain=True)
context("picture's source", '<picture><source srcset="{{ x }}"><img alt=""></picture>', plain=True)
context("refresh", '<meta http-equiv="refresh" content="3000; url={{ x }}">', still=True)
context("description", '<meta name="description" content="{{ x }}">', plain=True)
context("svg link", '<svg><a href="{{ x }}"><text>a</text></a></svg>', plain=True)
context("svg link of old", '<svg><a xlink:href="{{ x }}"><text>a</text></a></svg>', plain=True)
context("svg use", '<svg><use href="{{ x }}"></use><image href="{{ x }}"/></svg>', plain=True)
context("svg set", '<svg><a href="/"><set attributeName="href" to="{{ x }}"/><text>a</text></a></svg>', plain=True)
context("svg animation", '<svg><a href="/"><animate attributeName="href" values="{{ x }};{{ x }}" dur="1s" fill="freeze"/><text>a</text></a></svg>', plain=True)
context("svg animation of a name", '<svg><a href="/"><set attributeName="{{ x }}" to="/"/><text>a</text></a></svg>', still=True)
context("svg inside", '<svg><foreignObject><p title="{{ x }}"><a href="{{ x }}">a</a></p></foreignObject></svg>', plain=True)
context("svg title with a link", '<svg><title><a href="{{ x }}">{{ x }}</a></title></svg>')
context("math link", '<math><mi href="{{ x }}">a</mi></math>', plain=True, still=True)

# --- JavaScript
def script(name, code, **more):
    context(name, f"<script>{code}</script>", **more)

script("script value", "got({{ n }}, {{ x }});", gets="value")
script("script value next to words", "got({{ n }},{{ x }});var y=[{{ x }},-{{ x }}];", gets="value")
script("script object", 'got({{ n }}, {a: {{ x }}, "b": [{{ x }}]}.a);', gets="value")
script("script string", 'got({{ n }}, "{{ x }}");', gets="value")
script("script string in single quotes", "got({{ n }}, '{{ x }}');", gets="value")
script("script template", "got({{ n }}, `{{ x }}`);", gets="value")
script("script template around code", "got({{ n }}, `${ {{ x }} }`);", gets="value")
script("script template in a template", "got({{ n }}, `${ `{{ x }}` }`);", gets="value")
script("script regular expression", 'got({{ n }}, /^{{ x }}$/.source && "");', gets="calls")
script("script class of characters", 'got({{ n }}, /[{{ x }}-]/.source && "");', gets="calls")
script("script line comment", 'got({{ n }}, ""); // {{ x }}', gets="calls")
script("script block comment", 'got({{ n }}, /* {{ x }} */ "");', gets="calls")
script("script comment of old", '<!-- {{ x }}\ngot({{ n }}, "");', gets="calls")
script("script after a division", "got({{ n }}, 4 / 2 && '{{ x }}' || '/');", gets="calls")
script("script after a regular expression", "got({{ n }}, /['\"`]/ && \"{{ x }}\");", gets="value")
script("script json", "got({{ n }}, {{ x|tojson }});", gets="value", still=True)
script("script json in a string", 'got({{ n }}, JSON.parse("{{ x|tojson }}"));', gets="value", still=True)
script("script json in single quotes", "got({{ n }}, JSON.parse('{{ x|tojson }}'));", gets="value", still=True)
script("script branches", 'got({{ n }}, {% if x %}"{{ x }}"{% else %}\'\'{% endif %});', gets="value")
script("script loop", "got({{ n }}, [{% for c in x %}{{ c }}, {% endfor %}].join(''));", gets="value", still=True)
script("script behind a sign", "got({{ n }}, '<{{ x }}'.slice(1));", gets="value")
script("script end in a string", "got({{ n }}, '<\\/{{ x }}'.slice(2));", gets="value")
context("module", '<script type="module">got({{ n }}, {{ x }});</script>', gets="value")
context("script of a type", '<script type="text/javascript">got({{ n }}, "{{ x }}");</script>', gets="value")
context("json", '<script type="application/json">{"a": {{ x }}, "b": "{{ x }}"}</script>')
context("linked data", '<script type="application/ld+json">[{{ x }}]</script>')
context("client-side template", '<script type="text/template"><p title="{{ x }}">{{ x }}</p></script>', plain=True)
context("svg script", "<svg><script>got({{ n }}, {{ x }}); got({{ n }}, '{{ x }}');</script></svg>", gets="value")
context("svg script of references", "<svg><script>got({{ n }}, &quot;{{ x }}&quot;.length);</script></svg>", gets="calls")
context("handler value", '<p onclick="got({{ n }}, {{ x }})">t</p>', gets="value")
context("handler value in single quotes", "<p onclick='got({{ n }}, {{ x }})'>t</p>", gets="value")
context("handler value without quotes", "<p onclick=got({{ n }},{{ x }})>t</p>", gets="value")
context("handler string", "<p onclick=\"got({{ n }}, '{{ x }}')\">t</p>", gets="value")
context("handler string of references", '<p onclick="got({{ n }}, &quot;{{ x }}&quot;)">t</p>', gets="value")
context("handler string without quotes", "<p onclick=got({{ n }},'{{ x }}')>t</p>", gets="value")
context("handler template", '<p onclick="got({{ n }}, `{{ x }}`)">t</p>', gets="value")
context("handler comment", '<p onclick="got({{ n }}, 1) // {{ x }}">t</p>', gets="calls")
context("handler json", '<p onclick="got({{ n }}, {{ x|tojson }})">t</p>', gets="value")
context("other handlers", '<p onmouseover="got({{ n }}, {{ x }})" onfocus="got({{ n }}, \'{{ x }}\')" tabindex="0">t</p>', gets="value")
context("handler that comes and goes", '<p {% if x %}onclick="got({{ n }}, {{ x }})"{% endif %}>t</p>', gets="value")
context("code in an address", '<a href="javascript:got({{ n }}, {{ x }})">a</a>', gets="value", author=True)
context("string in an address", "<a href=\"javascript:got({{ n }}, '{{ x }}')\">a</a>", gets="value", author=True)

# --- CSS
context("style value", '<p style="color: {{ x }}; width: 1px">t</p>', still=True)
context("style without quotes", "<p style=color:{{ x }};width:1px>t</p>", still=True)
context("style declarations", '<p style="{{ x }}">t</p>', still=True, declarations=True)
context("style string", "<p style=\"font-family: '{{ x }}', serif\">t</p>", still=True)
context("style address", '<p style="background: url({{ x }})">t</p>', still=True)
context("style address in quotes", "<p style=\"background: url('{{ x }}')\">t</p>", still=True)
context("sheet value", "<style>.s{{ n }} { color: {{ x }}; width: 1px }</style>")
context("sheet selector", "<style>.s{{ n }} {{ x }} { width: 1px }</style>")
context("sheet rules", "<style>{{ x }}</style>")
context("sheet string", '<style>.s{{ n }}::after { content: "{{ x }}"; width: 1px }</style>')
context("sheet address", "<style>.s{{ n }} { background: url({{ x }}); width: 1px }</style>")
context("sheet address in quotes", '<style>.s{{ n }} { background: url("{{ x }}"); width: 1px }</style>')
context("sheet comment", "<style>/* {{ x }} */ .s{{ n }} { width: 1px }</style>")
context("svg sheet", "<svg><style>.s{{ n }} { color: {{ x }}; width: 1px }</style></svg>")

# --- documents in attributes
context("document text", '<iframe srcdoc="<p>{{ x }}</p>"></iframe>')
context("document attribute", "<iframe srcdoc=\"<p title='{{ x }}'>t</p>\"></iframe>")
context("document of references", '<iframe srcdoc="&lt;p title=&quot;{{ x }}&quot;&gt;{{ x }}&lt;/p&gt;"></iframe>')
context("document script", '<iframe srcdoc="<script>var a = {{ x }};</script>"></iframe>')
context("document link", "<iframe srcdoc=\"<img src='{{ x }}'>\"></iframe>")
context("document without quotes", "<iframe srcdoc={{ x }}></iframe>")

# --- parts of the template that are replaced as a whole
context("unbalanced", '<div>{% if x %}<b title="{{ x }}"><a href="{{ x }}" onclick="got({{ n }}, {{ x }})">{% endif %}z{% if x %}</a></b>{% endif %}</div>', gets="value")
context("moved by the parser", '<table><tr><td><a href="{{ x }}" onclick="got({{ n }}, \'{{ x }}\')">{{ x }}</a></td></tr></table>', gets="value")
context("captured", '{% set u %}{{ x }}{% endset %}<a href="{{ u }}">a</a>', plain=True)
context("captured in a script", "{% set u %}{{ x }}{% endset %}<script>got({{ n }}, {{ u }}.length);</script>", gets="calls")
context("captured link", '{% set u %}<a href="{{ x }}" onclick="got({{ n }}, {{ x }})">a</a>{% endset %}<p>{{ u }}</p>', gets="value")
context("filtered", '<div>{% filter trim %}<a href="{{ x }}" onclick="got({{ n }}, {{ x }})">a</a>{% endfilter %}</div>', gets="value")
context("macro", '<p>{{ link(x, n) }}</p>', gets="value")
context("imported macro", '<p>{{ parts.link(x, n) }}</p>', gets="value")
context("call", '<p>{% call box() %}<a href="{{ x }}" onclick="got({{ n }}, {{ x }})">a</a>{% endcall %}</p>', gets="value")
context("included", "<div>{% include 'part.html' %}</div>", gets="value")
context("included by a name in the data", "<div>{% include part %}</div>", gets="value")

# --- what an attacker sends. CANARY stands for code that tells of itself.
attacks = [
    # HTML
    "<script>CANARY</script>",
    "<img src=x onerror=CANARY>",
    "<svg onload=CANARY>",
    "<svg/onload=CANARY//",
    "<iframe srcdoc=\"<script>CANARY</script>\"></iframe>",
    "<body onload=CANARY><input autofocus onfocus=CANARY>",
    "<details open ontoggle=CANARY><summary>x</summary></details>",
    "</p></div></section><img src=x onerror=CANARY>",
    "</title><script>CANARY</script>",
    "</textarea><img src=x onerror=CANARY>",
    "</option></select><img src=x onerror=CANARY>",
    "</xmp></noscript></template><img src=x onerror=CANARY>",
    "</iframe><img src=x onerror=CANARY>",
    "</text></mi></svg></math><img src=x onerror=CANARY>",
    "--><img src=x onerror=CANARY><!--",
    "--!><img src=x onerror=CANARY>",
    "><img src=x onerror=CANARY>",
    "<![CDATA[<img src=x onerror=CANARY>]]>",
    "<?xml ?><img src=x onerror=CANARY>",
    "&lt;img src=x onerror=CANARY&gt;",
    "&#60;script&#62;CANARY&#60;/script&#62;",
    # attributes
    "\"><img src=x onerror=CANARY>",
    "'><img src=x onerror=CANARY>",
    "\" onclick=\"CANARY\" onmouseover=\"CANARY\" x=\"",
    "' onclick='CANARY' onmouseover='CANARY' x='",
    "x onclick=CANARY onmouseover=CANARY onfocus=CANARY tabindex=0 ",
    "x\tonclick=CANARY",
    "x\nonclick=CANARY",
    "x\fonclick=CANARY",
    "x/onclick=CANARY",
    "=CANARY",
    "` onclick=CANARY `",
    "onclick",
    "onclick=CANARY",
    "click=CANARY",
    "href=javascript:CANARY",
    "style=color:red",
    "srcdoc=<script>CANARY</script>",
    "img src=x onerror=CANARY",
    "script",
    "iframe srcdoc=CANARY",
    "/script><img src=x onerror=CANARY>",
    "!--",
    # addresses
    "javascript:CANARY",
    "JaVaScRiPt:CANARY//",
    " javascript:CANARY",
    "\tjava\nscript\r:CANARY",
    "\u0001\u0002javascript:CANARY",
    "javascript&colon;CANARY",
    "javascript&#58;CANARY",
    "&#106;avascript:CANARY",
    "javascript:%0aCANARY",
    "javascript://x/%0aCANARY",
    "script:CANARY",
    "data:text/html,<script>CANARY</script>",
    "data:text/html;base64,PHNjcmlwdD50b3AucG9zdE1lc3NhZ2UoMTMzNyxTdHJpbmcuZnJvbUNoYXJDb2RlKDQyKSk8L3NjcmlwdD4=",
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='CANARY'/>",
    "vbscript:CANARY",
    "/x.png 1x, javascript:CANARY 2x",
    "0;url=javascript:CANARY",
    "view-source:javascript:CANARY",
    # JavaScript
    "CANARY",
    "CANARY;",
    "1;CANARY;",
    "\";CANARY;//",
    "';CANARY;//",
    "`;CANARY;//",
    "\\\";CANARY;//",
    "\\';CANARY;//",
    "\\",
    "');CANARY;//",
    "\");CANARY;//",
    "\"+CANARY+\"",
    "'+CANARY+'",
    "${CANARY}",
    "`+CANARY+`",
    "}CANARY;{",
    "/;CANARY;/",
    "]/;CANARY;/[",
    "*/CANARY;/*",
    "\nCANARY\n",
    "\rCANARY",
    "\u2028CANARY\u2028",
    "-->CANARY",
    "</script><script>CANARY</script>",
    "</SCRIPT ><svg onload=CANARY>",
    "<!--<script>",
    "%27;CANARY;%27",
    "&#39;);CANARY;//",
    "&quot;);CANARY;//",
    "\\u0027;CANARY;//",
    "\\x3cscript\\x3eCANARY",
    "{{constructor.constructor(CANARY)}}",
    # CSS
    "red; position: fixed; background: url(javascript:CANARY)",
    "red} * { position: fixed } .x {",
    "red}</style><script>CANARY</script>",
    "</style><img src=x onerror=CANARY>",
    "/style><img src=x onerror=CANARY>",
    "expression(CANARY)",
    "expr/**/ession(CANARY)",
    "\\65 xpression(CANARY)",
    "url(javascript:CANARY)",
    "x) no-repeat; position: fixed; y: url(",
    "x\"); position: fixed; y: url(\"",
    "x'); position: fixed; y: url('",
    "'; position: fixed; x: '",
    "\"; position: fixed; x: \"",
    "\\",
    "\\22; position: fixed",
    "*/ * { position: fixed } /*",
    "@import 'javascript:CANARY';",
    "* { position: fixed }",
    "a{}b{position:fixed}c",
    "-moz-binding: url(javascript:CANARY)",
    "behavior: url(javascript:CANARY)",
    "<!-- * { position: fixed } -->",
    # odd texts, which must come through as they are
    "\u0000x\u0000",
    "+ADw-script+AD4-CANARY+ADw-/script+AD4-",
    "\u00e4\u00f6\u00fc \u2603 \U0001d11e \u202e \ufeff",
    "0",
    "-1",
    "null",
]

# What people put into templates, for which nothing may change.
ordinary = [
    "harmless",
    "plain words",
    "42",
    "",
    "/path/to/x.html",
    "https://example.org/a/b.png",
    "#fragment",
    "a@b.c",
    "mailto:a@b.c",
    "Fish and chips, 2.50",
    "100%",
    "\u00fcber",
]


def table(entries):
    lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
    return f"[\n{lines}\n]\n"


tables = {
    "contexts.json": table(contexts),
    "attacks.json": table(list(dict.fromkeys(attacks))),
    "ordinary.json": table(ordinary),
}
if sys.argv[1:] == ["--check"]:
    stale = [name for name, text in tables.items() if (HERE / name).read_text() != text]
    if stale:
        sys.exit(f"{' and '.join(stale)} in tests/attacks: not what generate.py writes. Run it: python3 tests/attacks/generate.py")
else:
    for name, text in tables.items():
        (HERE / name).write_text(text)
print(len(contexts), "contexts", len(attacks), "attacks")
