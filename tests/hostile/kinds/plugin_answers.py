"""What plugins raise, do and return, as Python source."""

from __future__ import annotations

TOP = """
import atexit, os, sys, threading
import numpy as np
import torch
from camctl.errors import CamctlError, InputError, PluginError
from camctl.plugin import Adapter, LoadedModel, Source, method, metric

class Mute(Exception):
    def __str__(self): raise self
    def __repr__(self): raise self

class Base(BaseException): ...

class Loud(Exception):
    def __str__(self): return {escape!r}

class Sly(CamctlError):
    def __init__(self): pass

class Odd(CamctlError):
    exit_code = "x"
"""
RAISES = (
    "raise ValueError('x')", "raise ValueError({escape!r})", "raise ValueError('a\\n{forged}')", "raise Mute",
    "raise Base('x')", "raise Loud", "raise Sly", "raise Odd('x')", "raise InputError(5)",
    "raise InputError('x', hint=5)", "raise CamctlError(None, hint=None)",
    "e = InputError('x'); e.exit_code = 'x'; raise e", "e = InputError('x'); del e.message; raise e",
    "raise GeneratorExit", "raise StopIteration",
    "raise SystemExit(0)", "raise SystemExit('x')", "raise SystemExit", "raise MemoryError", "raise RecursionError",
    "raise UnicodeDecodeError('utf8', b'x', 0, 1, 'x')", "raise OSError(28, 'No space')", "raise BrokenPipeError",
    "raise ExceptionGroup('g', [ValueError('x')])", "raise BaseExceptionGroup('g', [KeyboardInterrupt()])",
    "raise torch.OutOfMemoryError('x')", "raise ValueError('x' * 10**7)", "raise type('\\x1bE', (Exception,), {{}})()",
    "raise AssertionError", "raise Warning('x')", "raise KeyError(ValueError)", "(lambda f: f(f))(lambda f: f(f))",
    "raise PluginError('x', hint={escape!r})", "e = ValueError('x'); e.__notes__ = 5; raise e",
    "raise ValueError('\\ud800')", "e = ValueError(); e.__cause__ = e; raise e",
)  # fmt: skip
EFFECTS = (
    "print('printed')", "sys.stdout.write('printed')", "os.write(1, b'')", "os.close(1)", "os.close(2)",
    "os.closerange(0, 3)", "sys.stdout.close()", "sys.stderr.close()", "sys.stdout = None", "sys.stderr = None",
    "threading.Thread(target=lambda: 1 / 0).start()",
    "threading.Thread(target=__import__('time').sleep, args=(1,)).start()", "atexit.register(lambda: 1 / 0)",
    "atexit.register(print, 'printed')", "os.chdir('/')", "sys.setrecursionlimit(60)",
    "torch.set_grad_enabled(False)", "torch.set_default_dtype(torch.float64)", "torch.manual_seed(5)",
    "sys.exc_info()", "warnings = __import__('warnings'); warnings.warn({escape!r})", "os.environ.clear()",
    "sys.path.clear()",
    "__import__('signal').signal(2, 1)", "__import__('logging').error('printed')",
    "sys.stdout.reconfigure(encoding='ascii')", "__import__('builtins').print = None",
    "torch.set_default_device('meta')", "torch.use_deterministic_algorithms(True)",
    "sys.setswitchinterval(100)", "__import__('locale').setlocale(0, 'C')", "torch.set_num_threads(1)",
    "sys.excepthook = None", "sys.unraisablehook(5)",
)  # fmt: skip
EVIDENCE = (
    "None", "5", "'x'", "[]", "g * a", "(g * a).double()", "(g * a).half()", "(g * a).bfloat16()", "(g * a).long()",
    "(g * a) > 0", "(g * a).to(torch.complex64)", "(g * a).numpy()", "(g * a).to_sparse()",
    "torch.empty_like(a, device='meta')",
    "torch.quantize_per_tensor(a, 0.1, 0, torch.qint8)", "(g * a)[:, :0]", "(g * a)[0]", "(g * a)[..., 0]", "a[:0]",
    "a.new_zeros(()).expand(a.shape)", "a.new_zeros(1, 10**7, 1, 1).expand(1, 10**7, *a.shape[2:])",
    "a * float('nan')", "a * float('inf')", "-a * 1e38",
    "torch.nested.nested_tensor([a[0], a[0]])", "torch.nn.Parameter(g * a)", "(g * a).requires_grad_()", "a", "g",
    "a.untyped_storage().resize_(0) or a", "a.resize_(0)", "a.zero_()", "a.data.fill_(5) is None or g", "capture",
    "lambda: 5",
    "type('T', (torch.Tensor,), {{'shape': property(lambda s: 1 / 0)}})(a)", "capture.inputs", "capture.logits",
    "(x for x in a)", "torch.ones(1, 1, 1, 1)", "a.to(torch.float8_e4m3fn)", "torch.zeros_like(a)", "a.conj()",
    "torch._neg_view(a)", "a.set_(torch.ones(1))",
)  # fmt: skip
MODEL_EFFECTS = (
    "capture.module.train()", "capture.module.register_forward_hook(lambda *x: 1 / 0)",
    "capture.module.requires_grad_(True)", "next(capture.module.parameters()).data.zero_()",
    "capture.module.double()", "capture.module.to('meta')", "capture.module.__dict__.clear()",
    "next(capture.module.parameters()).untyped_storage().resize_(0)", "capture.module._modules.clear()",
    "capture.module.forward = None", "capture.forward(torch.zeros(0))", "capture.replay(torch.zeros(5))",
    "capture.grid_of(None)", "capture.module.half()",
    "object.__setattr__(capture, 'activations', None)", "capture.module.eval = None",
    "torch.nn.Module.__call__ = None", "capture.module.add_module('x', None)", "del capture.module.head",
    "list(capture.module.parameters())[0].grad = torch.ones(5)",
)  # fmt: skip
FIGURES = (
    "None", "'x'", "float('nan')", "float('inf')", "-float('inf')", "10**400", "1j", "True", "np.float16(1)",
    "np.ones(3)", "torch.ones(3)", "torch.tensor(1.0)", "torch.tensor(1.0).to('meta')", "(x for x in ())", "[1]",
    "case", "1e308", "-1e308", "0",
    "__import__('decimal').Decimal('sNaN')", "__import__('fractions').Fraction(1, 3)", "np.array(5.0)",
    "type('F', (float,), {{'__float__': lambda s: 1 / 0}})(5)", "np.ma.masked", "np.datetime64('now')",
    "torch.ones(()).to_sparse()", "case.score_of(torch.zeros(0))",
)  # fmt: skip
LAYERS = (
    "None",
    "[]",
    "['nope']",
    "'backbone.layer4'",
    "['']",
    "[5]",
    "['backbone.layer4'] * 1000000",
    "(x for x in ['backbone.layer4'])",
    "{{'backbone.layer4': 1}}",
    "[{escape!r}]",
    "['backbone.layer4', 'backbone.layer4']",
    "iter(lambda: 'backbone.layer4', 5)",
    "['backbone', 'head']",
)
GRIDS = (
    "None",
    "5",
    "output",
    "output[:, :0]",
    "output.double()",
    "output[:1, :1]",
    "output.mean((2, 3), keepdim=True)",
    "torch.zeros(5)",
    "output.repeat(1, 5, 1, 1)",
    "output * float('nan')",
    "torch.empty_like(output, device='meta')",
    "output.long()",
    "output.permute(0, 2, 3, 1)",
    "output.numpy()",
)
TOKENS = ("0", "1", "10**9", "-1", "None", "'x'", "1.5", "True", "float('nan')", "10**30")
ANSWERS = (
    "None", "5", "torch.nn.Linear(1, 1)", "loaded.module", "replace(loaded, module=5)",
    "replace(loaded, module=torch.nn.Identity())", "replace(loaded, forward=5)",
    "replace(loaded, forward=lambda x: x)", "replace(loaded, forward=lambda x: None)",
    "replace(loaded, forward=lambda x: torch.zeros(0, 0))",
    "replace(loaded, forward=lambda x: torch.ones(len(x), 8) * float('nan'))",
    "replace(loaded, forward=lambda x: torch.ones(len(x), 8).long())",
    "replace(loaded, forward=lambda x: torch.ones(len(x), 8, device='meta'))", "replace(loaded, preprocess=5)",
    "replace(loaded, preprocess=lambda p: p)",
    "replace(loaded, preprocess=lambda p: torch.zeros(3, 0, 0))",
    "replace(loaded, preprocess=lambda p: torch.zeros(5, 9, 9))",
    "replace(loaded, preprocess=lambda p: torch.full((3, 112, 112), float('nan')))",
    "replace(loaded, preprocess=lambda p: torch.zeros(3, 112, 112, device='meta'))",
    "replace(loaded, preprocess=lambda p: torch.zeros(3, 112, 112).double())",
    "replace(loaded, preprocess=lambda p: torch.zeros(3, 1, 1))", "replace(loaded, input_size=None)",
    "replace(loaded, input_size=(0, 0))", "replace(loaded, input_size=(-1, 5))",
    "replace(loaded, input_size=(10**9, 10**9))",
    "replace(loaded, input_size='ab')", "replace(loaded, class_names=5)", "replace(loaded, class_names=('a',))",
    "replace(loaded, class_names=(None,) * 8)", "replace(loaded, class_names=({escape!r},) * 8)",
    "replace(loaded, class_names=('a\\n{forged}',) * 8)", "replace(loaded, score='x')", "replace(loaded, score=None)",
    "replace(loaded, checkpoint=5)", "replace(loaded, repairs=5)", "replace(loaded, repairs=({escape!r},))",
    "replace(loaded, notes=({escape!r},))", "replace(loaded, notes=(None,))", "replace(loaded, notes='abc')",
    "replace(loaded, name=None)", "replace(loaded, name={escape!r})", "replace(loaded, source=None)",
    "replace(loaded, module=loaded.module.double())", "replace(loaded, module=loaded.module.half())",
    "replace(loaded, module=loaded.module.to('meta'))", "replace(loaded, module=loaded.module.train())",
    "type('L', (LoadedModel,), {{'module': property(lambda s: 1 / 0)}})", "loaded.__class__",
    "replace(loaded, random_weights='x')",
)  # fmt: skip
