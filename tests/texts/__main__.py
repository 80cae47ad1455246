"""`python -m tests.texts`."""

from tests.texts import all_texts

for place, text in all_texts():
    print(f"{place}: {' '.join(text.split())}")
