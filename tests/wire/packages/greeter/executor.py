"""An Executor to try a Hub with."""

from docarray import DocList
from docarray.documents import TextDoc
from jina import Executor, requests


class Hello(Executor):
    """Greets every document that it is given."""

    def __init__(self, greeting: str = 'Hello', **kwargs):
        """
        :param greeting: what stands before the text of each document
        """
        super().__init__(**kwargs)
        self.greeting = greeting

    @requests(on='/greet')
    def greet(self, docs: DocList[TextDoc], **kwargs) -> DocList[TextDoc]:
        """Puts the greeting before the text of each document."""
        for doc in docs:
            doc.text = f'{self.greeting}, {doc.text}'
        return docs
