"""What someone who knows timm's architectures would name as the target layer, a row a module of `timm.models`.

Written from reading each forward pass, not from what the probe answers. The rule: on convolutional networks the last
output with places that the head reads, activated and behind the residual sum; names of one and the same tensor stand
together, and where a ReLU alone follows a norm, that norm too (Grad-CAM is taken there). Networks of tokens keep the
last norm of the last block, that block's output, or the norm after it; where a class token alone is read, the norm
which feeds the last attention.
"""

from __future__ import annotations

from typing import NamedTuple


class Expert(NamedTuple):
    """An expert's answer for the smallest classifier of a module."""

    model: str
    layers: str
    """Names that an expert would be content with, the best first, parted by spaces."""
    grid: tuple[int, int]
    extra_tokens: int = 0


EXPERTS: dict[str, Expert] = {
    # fc_norm comes after the patches' mean; `norm` is an identity.
    "beit": Expert("beit_base_patch16_224", "blocks.11.norm2 blocks.11", (14, 14), 1),
    "byoanet": Expert("halonet_h1", "stages.3.2.act stages.3.2", (8, 8)),
    "byobnet": Expert("test_byobnet", "stages.3.0.act stages.3.0", (5, 5)),
    # Two blocks of class attention read the patches; the patches themselves are never written again.
    "cait": Expert("cait_xxs24_224", "blocks_token_only.1.norm1", (14, 14), 1),
    # Three scales in parallel, class tokens only; the deepest.
    "coat": Expert("coat_tiny", "parallel_blocks.5.norm14", (7, 7), 1),
    # The class token joins at block 10.
    "convit": Expert("convit_tiny", "blocks.11.norm1", (14, 14), 1),
    "convmixer": Expert("convmixer_768_32", "blocks.31.3 blocks.31", (32, 32)),
    # The head's norm comes after the pooling, in this family and several more.
    "convnext": Expert("test_convnext", "stages.3.blocks.1 stages.3", (5, 5)),
    "cpubone": Expert("cpubone_nano", "head.in_conv.act head.in_conv", (7, 7)),
    # The last cross-attention lets the coarse branch's class token read the fine branch's 20 x 20 patches.
    "crossvit": Expert("crossvit_tiny_240", "blocks.2.fusion.1.norm1", (20, 20), 1),
    "csatv2": Expert("csatv2", "stages.3.6 stages.3", (8, 8)),
    "cspnet": Expert("cs3darknet_focus_s", "stages.3.conv_transition.bn stages.3.conv_transition", (8, 8)),
    "cspnext": Expert("cspnext_tiny", "stages.3.2.final_conv.bn stages.3.2.final_conv", (7, 7)),
    "davit": Expert("davit_tiny", "stages.3.blocks.0.1 stages.3", (7, 7)),
    # A vision tower as a classifier: the patches' mean is normed and read. Like gemma4_vit and qwen3_vit, timm gives it
    # no head of its own; at 224 px.
    "deepseek_vit": Expert("deepseek_vit_412m", "encoder.norm encoder", (16, 16)),
    "deit": Expert("deit_tiny_patch16_224", "blocks.11.norm1", (14, 14), 1),
    "densenet": Expert("densenet121", "features.norm5 features", (7, 7)),
    "dla": Expert("dla46x_c", "level5.root.relu level5.root level5.root.bn", (7, 7)),
    "dpn": Expert("dpn48b", "features.conv5_bn_ac.bn features.conv5_bn_ac", (7, 7)),
    "edgenext": Expert("edgenext_xx_small", "stages.3.blocks.1 stages.3", (8, 8)),
    "efficientformer": Expert("efficientformer_l1", "norm", (7, 7)),
    "efficientformer_v2": Expert("efficientformerv2_s0", "norm", (7, 7)),
    "efficientnet": Expert("test_efficientnet", "bn2", (5, 5)),
    # Hidden states, which have no places, are read beside the last map.
    "efficientvim": Expert("efficientvim_m1", "norm.3", (4, 4)),
    "efficientvit_mit": Expert("efficientvit_b0", "head.in_conv.act head.in_conv", (7, 7)),
    "efficientvit_msra": Expert("efficientvit_m0", "stages.2.blocks.2 stages.2", (4, 4)),
    "eva": Expert("eva02_tiny_patch14_336", "blocks.11.norm2 blocks.11", (24, 24), 1),
    # conv_head comes after the pooling, as in the GhostNets, MobileNets and LCNets.
    "fasternet": Expert("fasternet_t0", "stages.3.blocks.1 stages.3", (7, 7)),
    # Branches are summed, gated and activated: GELU.
    "fastvit": Expert("fastvit_t8", "final_conv.act final_conv", (8, 8)),
    "focalnet": Expert("focalnet_tiny_srf", "norm", (7, 7)),
    "gcvit": Expert("gcvit_xxtiny", "stages.3.norm stages.3", (7, 7)),
    "gemma4_vit": Expert("gemma4_vit_167m", "encoder.blocks.15.norm4 encoder.blocks.15 encoder", (14, 14)),
    "ghostnet": Expert("ghostnet_050", "blocks.9.0.bn1 blocks.9.0", (7, 7)),
    "hardcorenas": Expert("hardcorenas_b", "blocks.6.0.bn1 blocks.6.0", (7, 7)),
    # A learned scale and shift follow the ReLU, which are 1 and 0 at random weights.
    "hgnet": Expert("hgnetv2_b0", "stages.3.blocks.0 stages.3.blocks.0.aggregation.1.bn", (7, 7)),
    # Tokens are shuffled into mask units, but row by row once a unit is one token: in the last stage.
    "hiera": Expert("hiera_tiny_224", "blocks.11.norm2 blocks.11", (7, 7)),
    "hieradet_sam2": Expert("hieradet_small", "blocks.15", (8, 8)),
    "hrnet": Expert("hrnet_w18_small", "final_layer.2 final_layer final_layer.1", (7, 7)),
    "iformer": Expert("iformer_t", "stages.3.blocks.5 stages.3", (7, 7)),
    "inception_next": Expert("inception_next_atto", "stages.3.blocks.1 stages.3", (7, 7)),
    "inception_resnet_v2": Expert("inception_resnet_v2", "conv2d_7b.bn conv2d_7b", (8, 8)),
    # Branches are concatenated last: each one's norm sees a share of the channels only.
    "inception_v3": Expert("inception_v3", "Mixed_7c", (8, 8)),
    "inception_v4": Expert("inception_v4", "features.21", (8, 8)),
    "lcnetv2": Expert("lcnetv2_small", "stages.3.1 stages.3", (7, 7)),
    # Its norms flatten tokens into the batch.
    "levit": Expert("levit_128s", "stages.2.blocks.3 stages.2.blocks.3.mlp.ln2", (4, 4)),
    "lowformer": Expert("lowformer_b0", "in_conv.act in_conv", (7, 7)),
    "mambaout": Expert("test_mambaout", "stages.3.blocks.0 stages.3", (5, 5)),
    "maxxvit": Expert("test_coatnet", "norm", (5, 5)),
    "metaformer": Expert("poolformerv2_s12", "stages.3.blocks.1 stages.3", (7, 7)),
    "mlp_mixer": Expert("gmlp_ti16_224", "norm", (14, 14)),
    "mobilenetv3": Expert("mobilenetv3_small_050", "blocks.5.0.bn1 blocks.5.0", (7, 7)),
    "mobilenetv5": Expert("mobilenetv5_base", "msfa.norm msfa", (16, 16)),
    "mobilevit": Expert("mobilevit_xxs", "final_conv.bn final_conv", (8, 8)),
    "mvitv2": Expert("mvitv2_tiny", "norm", (7, 7)),
    # Four registers, left out of the mean.
    "naflexvit": Expert("naflexvit_base_patch16_parfac_gap", "blocks.11.norm2 blocks.11", (24, 24), 4),
    # The last cell concatenates its branches, and a ReLU follows.
    "nasnet": Expert("nasnetalarge", "act", (11, 11)),
    "nest": Expert("nest_tiny", "norm", (14, 14)),
    "nextvit": Expert("nextvit_small", "norm", (7, 7)),
    # No norms at all.
    "nfnet": Expert("test_nfnet", "final_act", (5, 5)),
    "pit": Expert("pit_ti_224", "transformers.2.blocks.3.norm1", (7, 7), 1),
    "pnasnet": Expert("pnasnet5large", "act", (11, 11)),
    "pvt_v2": Expert("pvt_v2_b0", "stages.3.norm stages.3", (7, 7)),
    "qwen3_vit": Expert("qwen3_vit_88m", "encoder.blocks.11.norm2 encoder.blocks.11 encoder", (14, 14)),
    "rdnet": Expert("rdnet_tiny", "dense_stages.6.2 dense_stages.6", (7, 7)),
    "regnet": Expert("regnetx_002", "s4.b7.act3 s4.b7", (7, 7)),
    "repghost": Expert("repghostnet_050", "blocks.9.0.bn1 blocks.9.0", (7, 7)),
    "repvit": Expert("repvit_m1", "stages.3.blocks.1 stages.3", (7, 7)),
    "res2net": Expert("res2next50", "layer4 layer4.2", (7, 7)),
    "resnest": Expert("resnest14d", "layer4 layer4.0 layer4.0.act3", (7, 7)),
    "resnet": Expert("test_resnet", "layer4 layer4.0 layer4.0.act2", (5, 5)),
    "resnetv2": Expert("resnetv2_18", "norm", (7, 7)),
    "rexnet": Expert("rexnet_100", "features.16.bn features.16", (7, 7)),
    "selecsls": Expert("selecsls42", "head.3.2 head.3 head.3.1", (4, 4)),
    "senet": Expert("legacy_seresnet18", "layer4.1 layer4", (7, 7)),
    # 224 / 7, halved once.
    "sequencer": Expert("sequencer2d_s", "norm", (16, 16)),
    "shvit": Expert("shvit_s1", "stages.2.blocks.4 stages.2", (4, 4)),
    "sknet": Expert("skresnet18", "layer4.1.act layer4.1 layer4", (7, 7)),
    "starnet": Expert("starnet_s050", "norm", (7, 7)),
    "swiftformer": Expert("swiftformer_xs", "norm", (7, 7)),
    "swin_transformer": Expert("swin_tiny_patch4_window7_224", "norm", (7, 7)),
    "swin_transformer_v2": Expert("swinv2_tiny_window16_256", "norm", (8, 8)),
    "swin_transformer_v2_cr": Expert("swinv2_cr_tiny_224", "stages.3.blocks.1.norm3 stages.3.blocks.1", (7, 7)),
    "tiny_vit": Expert("tiny_vit_5m_224", "stages.3.blocks.1 stages.3", (7, 7)),
    # Pixel tokens lie in the batch; the class token reads the outer transformer's patches.
    "tnt": Expert("tnt_s_legacy_patch16_224", "blocks.11.norm_out", (14, 14), 1),
    "tresnet": Expert("tresnet_m", "body.layer4.2.act body.layer4.2", (7, 7)),
    "twins": Expert("twins_svt_small", "norm", (7, 7)),
    # Its 7 x 7 convolution stands for a linear layer: the last places are those of the last max pooling.
    "vgg": Expert("vgg11", "features.20 features", (7, 7)),
    "visformer": Expert("visformer_tiny", "norm", (7, 7)),
    "vision_transformer": Expert("test_vit", "blocks.5.norm1", (10, 10), 1),
    # A stem of stride 4, then patches of 8.
    "vision_transformer_hybrid": Expert("vit_tiny_r_s16_p8_224", "blocks.11.norm1", (7, 7), 1),
    "vision_transformer_relpos": Expert("test_vit_relpos", "blocks.8.norm2 blocks.8", (10, 10)),
    "vision_transformer_sam": Expert("samvit_base_patch16_224", "neck", (14, 14)),
    # The gated feed-forward part norms what `norm2` gives it once more.
    "vitamin": Expert("vitamin_small_224", "blocks.13.mlp.norm blocks.13.norm2 blocks.13", (14, 14)),
    # The class token, and for each class the best patch through a head of its own, which reads `norm`.
    "volo": Expert("volo_d1_224", "post_network.1.norm1 norm", (14, 14), 1),
    "vovnet": Expert("ese_vovnet19b_slim_dw", "stages.3.blocks.0.attn stages.3.blocks.0", (7, 7)),
    "xception": Expert("legacy_xception", "act4 bn4", (10, 10)),
    # Pre-activation: a ReLU follows the last block's sum.
    "xception_aligned": Expert("xception41p", "act", (10, 10)),
    "xcit": Expert("xcit_nano_12_p8_224", "cls_attn_blocks.1.norm1", (28, 28), 1),
}
