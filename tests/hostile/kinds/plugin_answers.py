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
    "sys.excepthook = None", "sys.unraisablehook(5)", "sys.__stdout__.close()", "sys.stdout.buffer.close()",
    "os.dup2(os.open('/dev/null', 1), 2)", "import subprocess; subprocess.run(['echo', 'printed'])",
    "torch.set_float32_matmul_precision('medium')", "torch.set_num_threads(3)", "os.write(1, b'printed')",
    "sys.stderr.reconfigure(encoding='ascii')", "type('D', (), {{'__del__': lambda s: 1 / 0}})()",
    "threading.Thread(target=lambda: (__import__('time').sleep(1), 1 / 0)).start()",
    "threading.Thread(target=sys.exit).start()", "sys.path[:] = ['/']", "sys.modules.pop('json', None)",
    "__import__('signal').signal(2, __import__('signal').SIG_IGN)", "os.environ['COLUMNS'] = 'x'",
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
    "torch._neg_view(a)", "a.set_(torch.ones(1))", "a.T", "a.to_sparse_csr() if a.ndim < 3 else a.to_sparse(1)",
    "torch.empty(a.shape, dtype=torch.uint16)", "(x.clone() for x in [a])", "iter(())",
    "g.untyped_storage().resize_(4) or a",
    "a.as_strided(a.shape, (0,) * a.ndim)", "torch.vmap(lambda x: x)(a)", "np.ma.masked_array(a.numpy())", "a.mT",
    "capture.activations.data.copy_(g) * 0 + a", "torch.jit.trace(lambda x: x, a)", "type(a)", "torch.Tensor",
    "torch.ones(a.shape).requires_grad_().exp()", "a.to(torch.float8_e5m2)", "(a > 0).to(torch.uint8)",
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
    "setattr(next(capture.module.parameters()), 'grad', None)", "capture.module.bfloat16()",
    "[p.untyped_storage().resize_(0) for p in capture.module.parameters()]", "capture.module._forward_hooks.clear()",
    "capture.module._parameters.clear()", "capture.module.__class__ = torch.nn.Identity",
    "type(capture.module).forward = None", "torch.nn.Module.forward = 5", "capture.module.share_memory()",
    "capture.module.register_buffer('b', torch.ones(1))", "capture.module.load_state_dict({{}}, strict=False)",
    "capture.module.backbone = torch.nn.Identity()", "capture.module.apply(lambda m: m.__dict__.pop('training'))",
    "[setattr(p, 'data', p.data[:0]) for p in capture.module.parameters()]",
    "[b.zero_() for b in capture.module.buffers()]", "capture.module.zero_grad = 5", "capture.module.state_dict = None",
)  # fmt: skip
FIGURES = (
    "None", "'x'", "float('nan')", "float('inf')", "-float('inf')", "10**400", "1j", "True", "np.float16(1)",
    "np.ones(3)", "torch.ones(3)", "torch.tensor(1.0)", "torch.tensor(1.0).to('meta')", "(x for x in ())", "[1]",
    "case", "1e308", "-1e308", "0",
    "__import__('decimal').Decimal('sNaN')", "__import__('fractions').Fraction(1, 3)", "np.array(5.0)",
    "type('F', (float,), {{'__float__': lambda s: 1 / 0}})(5)", "np.ma.masked", "np.datetime64('now')",
    "torch.ones(()).to_sparse()", "case.score_of(torch.zeros(0))", "case.map_of(None)", "np.float64('inf')",
    "type('F', (float,), {{'__float__': lambda s: 'x'}})(5)", "10**10000", "case.shown.zero_().sum().item()",
    "type('R', (int,), {{'__class__': property(lambda s: 1 / 0)}})(5)", "__import__('decimal').Decimal(1)", "5 == 5.0",
    "case.inputs.data.fill_(9).sum().item()", "case.values.untyped_storage().resize_(0) or 1.0", "-0.0", "5e-324",
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
    "{{'backbone.layer4', 'head'}}",
    "model.named_modules()",
    "[n for n, _ in model.named_modules()]",
    "type('S', (str,), {{'__eq__': lambda a, b: 1 / 0, '__hash__': str.__hash__}})('backbone.layer4')",
    "[type('S', (str,), {{'__hash__': None}})('backbone.layer4')]",
    "['x' * 10**6]",
    "model.train() and ['backbone.layer4']",
    "np.array(['backbone.layer4'])",
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
    "output.zero_()",
    "output.resize_(0)",
    "output.to_sparse()",
    "output[None]",
    "output.as_strided(output.shape, (0,) * output.ndim)",
    "torch.nested.nested_tensor([output[0]])",
    "output.untyped_storage().resize_(0) or output",
    "type('T', (torch.Tensor,), {{'shape': property(lambda s: 1 / 0)}})(output)",
)
TOKENS = (
    "np.int64(1)",
    "torch.tensor(1)",
    "type('I', (int,), {'__lt__': lambda a, b: 1 / 0})(1)",
    "[0]",
    "0",
    "1",
    "10**9",
    "-1",
    "None",
    "'x'",
    "1.5",
    "True",
    "float('nan')",
    "10**30",
)
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
    "replace(loaded, random_weights='x')", "replace(loaded, input_size=(np.int64(112), 112))",
    "replace(loaded, input_size=(112.0, 112))", "replace(loaded, input_size=(10**30, 1))",
    "replace(loaded, class_names=[str(n) for n in range(8)])", "replace(loaded, class_names=(n for n in 'abc'))",
    "replace(loaded, class_names='abcdefgh')", "replace(loaded, class_names=())", "replace(loaded, notes={{}})",
    "replace(loaded, class_names=('x' * 10**6,) * 8)", "replace(loaded, class_names=np.array(['a'] * 8))",
    "replace(loaded, forward=lambda x: (y for y in [1]))", "replace(loaded, forward=lambda x: torch.tensor(5.0))",
    "replace(loaded, forward=lambda x: x.sum())", "replace(loaded, forward=lambda x: torch.ones(len(x), 0))",
    "replace(loaded, forward=lambda x: loaded.forward(x).to_sparse())",
    "replace(loaded, forward=lambda x: loaded.forward(x) * 1j)", "replace(loaded, forward=lambda x: exit(0))",
    "replace(loaded, forward=lambda x: (_ for _ in ()).throw(GeneratorExit))",
    "replace(loaded, forward=lambda x: (_ for _ in ()).throw(Mute))",
    "replace(loaded, forward=lambda x: (_ for _ in ()).throw(Sly()))",
    "replace(loaded, forward=lambda x: torch.quantize_per_tensor(loaded.forward(x), .1, 0, torch.qint8))",
    "replace(loaded, forward=lambda x: loaded.forward(x).expand(2, -1))",
    "replace(loaded, preprocess=lambda p: exit(0))",
    "replace(loaded, forward=lambda x: print('printed') or loaded.forward(x))",
    "replace(loaded, preprocess=lambda p: (_ for _ in ()).throw(Mute))", "replace(loaded, preprocess=loaded.module)",
    "replace(loaded, preprocess=lambda p: torch.zeros(3, 112, 112).to_sparse())",
    "replace(loaded, preprocess=lambda p: torch.zeros(3, 112, 112).long())",
    "replace(loaded, preprocess=lambda p: torch.nested.nested_tensor([torch.zeros(3, 112, 112)]))",
    "replace(loaded, module=torch.nn.LazyLinear(3))", "replace(loaded, module=torch.nn.ModuleList())",
    "replace(loaded, checkpoint=type(loaded.checkpoint)(path=5, sha256=None))" ,
    "loaded.module.register_buffer('b', torch.zeros(3, device='meta')) or loaded",
)  # fmt: skip
