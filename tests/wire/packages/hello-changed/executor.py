from jina import Executor, requests


class Hello(Executor):
    @requests(on='/hello')
    def hello(self, docs, **kwargs):
        return docs
