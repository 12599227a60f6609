"""`python:` models whose attributes, layers and answers are anything."""

from __future__ import annotations

from tests.hostile.case import ESCAPE, FORGED, Case, Lot

BODY = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.body = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(8, 3)
        {setup}

    def forward(self, x):
        y = self.body(self.stem(x))
        z = self.head(y.mean((2, 3)))
        return {answer}

{extra}
def made(**wrong):
    from camctl.plugin import LoadedModel
    net = Net()
    fields = dict(name="n", source="python", module=net, forward=net, preprocess=lambda p: torch.ones(3, 32, 32),
                  input_size=(32, 32))
    return LoadedModel(**fields | wrong)

make = {make}
"""
SETUP = (
    "pass", "self.input_size = None", "self.input_size = (0, 0)", "self.input_size = 10**9", "self.input_size = 'ab'",
    "self.input_size = (48, -1)", "self.input_size = (1, 1)", "self.input_size = (2.5, 3)", "self.mean = 'x'",
    "self.mean = (1,)", "self.std = (0, 0, 0)", "self.std = None",
    "self.mean = (float('nan'),) * 3", "self.class_names = 5", "self.class_names = ('a',)",
    "self.class_names = [None] * 3", "self.class_names = [{escape!r}] * 3",
    "self.class_names = ['a\\n{forged}', 'b', 'c']", "self.class_names = ['x' * 100000] * 3",
    "self.class_names = ['\\ud800'] * 3",
    "self.class_names = dict(a=1)", "self.preprocess = 5", "self.preprocess = lambda p: p",
    "self.preprocess = lambda p: 1 / 0", "self.preprocess = lambda p: torch.zeros(3, 0, 0)",
    "self.add_module({escape!r}, nn.ReLU())", "self.add_module('a\\nerror: FORGED', nn.Conv2d(3, 3, 1))",
    "[self.add_module(f'm{{n}}', nn.Identity()) for n in range(20000)]",
    "self.register_buffer('b', torch.zeros(5, device='meta'))", "self.x = self.__dict__",
    "self.add_module('me', nn.Sequential()); self.me.add_module('me', self.me)", "self.double()", "self.half()",
    "self.bfloat16()",
    "self.head = nn.LazyLinear(3)", "self.body[1] = nn.ReLU(inplace=True)",
    "self.register_forward_hook(lambda *a: None)", "nn.init.constant_(self.head.weight, float('nan'))",
    "[self.body.add_module(f'm{{n}}', nn.Identity()) for n in range(10_000)]",
    "self.register_parameter('p', nn.Parameter(torch.zeros(5, device='meta')))", "self.eval = None", "self.train = 5",
    "self.register_buffer('b', torch.zeros(3).to_sparse())", "self.to = lambda *a: 1 / 0", "self.named_modules = None",
    "self.register_buffer('b', torch.quantize_per_tensor(torch.zeros(3), .1, 0, torch.qint8))",
    "self.class_names = (n for n in 'abc')", "self.class_names = torch.ones(3)", "self.class_names = 'abc'",
    "self.parameters = lambda *a: iter(())", "self.input_size = torch.tensor(32)", "self.input_size = (10**5, 10**5)",
    "self.preprocess = lambda p: torch.zeros(3, 32, 32, device='meta')", "self.preprocess = lambda p: exit(0)",
    "self.preprocess = lambda p: (_ for _ in ()).throw(GeneratorExit)", "self.to_empty(device='meta')",
    "nn.init.zeros_(self.head.weight)", "torch.set_grad_enabled(False)", "self.requires_grad_(False)",
)  # fmt: skip
ANSWERS = (
    "z", "z", "z", "None", "5", "(z,)", "[z, z]", "{{'logits': z}}", "z[:, :0]", "z[:, :1]", "z[0]", "z.sum()", "y",
    "z.detach()", "z.double()", "z.long()", "z.to(torch.complex64)", "z * float('nan')", "z * float('inf')",
    "z.expand(-1, 3)[:, :, None]", "torch.zeros(len(x), 1000000)", "z.to('meta')", "z.numpy()",
    "1 / 0", "x.resize_(0)", "(_ for _ in ()).throw(ValueError({escape!r}))", "(_ for _ in ()).throw(GeneratorExit)",
    "(_ for _ in ()).throw(SystemExit(0))", "(_ for _ in ()).throw(MemoryError)", "print('printed') or z",
    "(y for y in [z])", "torch.zeros(len(x), 3, requires_grad=True)", "z.expand(2, -1)", "torch.tensor(5.0)", "iter(z)",
    "torch.quantize_per_tensor(z, .1, 0, torch.qint8)", "z.to(torch.float8_e5m2)", "z.bool()", "{{}}", "[]",
    "((((z,),),),)",
    "self.add_module(f'm{{id(x)}}', nn.ReLU()) or z", "self.head.weight.data.mul_(2) is None or z",
    "self.train() and z",
    "(_ for _ in ()).throw(type('M', (Exception,), {{'__str__': lambda s: 1 / 0}}))",
    "z.untyped_storage().resize_(0) or z",
    "type('T', (torch.Tensor,), {{'shape': property(lambda s: 1 / 0)}})(z)", "z.requires_grad_()",
    "self.head.double() and z",
    "z.to_sparse()", "z + torch.randn(1)", "z.softmax(1)", "torch.nested.nested_tensor([z[0]])",
)  # fmt: skip
MAKE = (
    "Net", "Net", "Net", "Net", "5", "None", "lambda: None", "lambda: Net", "lambda x: Net()", "Net()",
    "lambda: nn.DataParallel(Net())", "lambda: nn.DataParallel(nn.DataParallel(Net()))",
    "lambda: torch.jit.script(nn.Linear(1, 1))",
    "lambda: 1 / 0", "lambda: exit(0)", "lambda: nn.Sequential()", "lambda: nn.Module()",
    "lambda: type('X', (nn.Module,), {{}})", "lambda: [Net()]", "lambda: nn.Linear(3, 3)",
    "lambda: nn.Transformer(8, 2, 1, 1)", "lambda: (_ for _ in ()).throw(Exception({escape!r}))",
    "lambda: print('printed') or Net()", "lambda: torch.jit.trace(Net().eval(), torch.zeros(1, 3, 32, 32))",
    "lambda: nn.Sequential(*(nn.Identity() for n in range(10_000)), Net())", "lambda: Net().to('meta')",
    "lambda: torch.compile(Net(), backend='eager')", "lambda: nn.Sequential(Net(), nn.LazyLinear(3))", "lambda: made()",
    "lambda: made(input_size=(-1, 5))", "lambda: made(class_names=5)", "lambda: made(notes=5)", "lambda: made(score=5)",
    "lambda: made(preprocess=lambda p: 1 / 0)", "lambda: made(checkpoint=5)", "lambda: made(forward=lambda x: x.sum())",
    "lambda: made(forward=5)", "lambda: made(preprocess=lambda p: p)", "lambda: made(name=None)",
    "lambda: made(module=5)",
    "lambda: made(preprocess=lambda p: torch.zeros(3, 0, 0))", "lambda: made(forward=lambda x: None)",
)  # fmt: skip


def anything(lot: Lot) -> Case:
    """A network of which one or two things are odd."""
    random = lot.random
    chosen = {"setup": "pass", "answer": "z", "extra": "", "make": "Net"}
    for name, pool in random.sample([("setup", SETUP), ("answer", ANSWERS), ("make", MAKE)], random.choice((1, 1, 2))):
        chosen[name] = random.choice(pool).format(escape=ESCAPE, forged=FORGED)
    lot.write("net.py", BODY.format(**chosen))
    picture = lot.copy("scene.png")
    words = random.choice(
        (
            ["run", picture, "python:net:make", "--save-path", "out.png"],
            ["run", picture, "python:net:make", "--save-path", "out.png", "--save-raw", "out.npz", "--json"],
            ["layers", "python:net:make"],
            ["layers", "python:net:make", "--json"],
        )
    )
    if random.random() < 0.25:
        words = [
            "compare",
            picture,
            "python:net:make",
            "--method",
            "GradCAM",
            "EigenCAM",
            "--save-path",
            random.choice(("out.png", "out.html")),
        ]
    return Case(
        words=words,
        code_allowed=True,
        streams=random.choice(("pipe", "pipe", "pty")),
        outputs=("out*", "home/*", "*__pycache__*"),
    )


def references(lot: Lot) -> Case:
    """References that name nothing, or what is no module."""
    odd = lot.random.choice(
        (
            "",
            ":",
            "a:",
            ":b",
            "os:system",
            "os.path:join",
            "nope:x",
            "net",
            "net:nope",
            "net:a.b.c",
            "x" * 5000,
            ESCAPE,
            "..:x",
            "a b:c",
            "1:2",
            "net:__doc__",
            "this:x",
            "antigravity:x",
            "net:make:more",
            "\0:x",
            "é:x",
            "net.x:y",
            "sys:exit",
            "builtins:print",
        )
    )
    lot.write("net.py", "x = 5\ndef make(): return 5\n")
    return Case(
        words=["layers", f"python:{odd}"],
        code_allowed=True,
        outputs=("home/*", "*__pycache__*"),
        streams=lot.random.choice(("pipe", "pty")),
    )


SORTS = {"anything": anything, "references": references}
