"""How the annotation screen is laid out; narrow terminals get one column, wide ones two."""

STYLES = """
AnnotationScreen { layout: vertical; }
#head { height: auto; max-height: 5; padding: 0 1; background: $panel; }
#hold { height: auto; padding: 0 1; background: $warning; color: $text; display: none; }
#body { height: 1fr; }
.-wide #body { layout: horizontal; }
.-narrow #body { layout: vertical; }
#conversation, #passages { padding: 0 1; scrollbar-size-vertical: 1; }
.-wide #conversation, .-wide #passages { width: 1fr; height: 100%; }
.-wide #passages { border-left: solid $panel; }
.-narrow #conversation, .-narrow #passages { height: 1fr; }
.-narrow #passages { border-top: solid $panel; }
#history { color: $text-muted; margin-bottom: 1; }
#question, #answer { margin-bottom: 1; }
#history, #question, #answer, #legend, .passage { height: auto; }
.passage { margin-bottom: 1; padding-left: 1; border-left: outer $panel; color: $text-muted; }
.passage.-nearest { border-left: outer $accent; color: $text; }
#form { link-style: none; link-color: $text; link-background: transparent; }
#form { height: auto; max-height: 50%; padding: 0 1; background: $surface; border-top: solid $accent; }
#keys { height: auto; padding: 0 1; background: $panel; color: $text-muted; }
.-short #question, .-short #answer, .-short .passage, .-short #history { margin-bottom: 0; }
.-short #head { max-height: 3; }
.-done #body, .-done #head { display: none; }
.-done #form { height: 1fr; max-height: 100%; content-align: center middle; text-align: center; }

AnnotationScreen Toast { width: auto; }

Editor, Reason, Page { align: center middle; }
.dialog { width: 90%; max-width: 110; background: $surface; border: round $accent; padding: 0 1; }
.dialog.-editor { height: 60%; min-height: 10; }
.dialog.-editor TextArea { height: 1fr; border: none; padding: 0; }
.dialog.-line { height: auto; }
.dialog.-page { height: 90%; }
.dialog.-page VerticalScroll { height: 1fr; }
.dialog Static { height: auto; }
"""
