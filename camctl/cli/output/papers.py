"""The papers of methods as entries of BibTeX."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from camctl import registry
from camctl.errors import CamctlError

ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


@dataclass(frozen=True)
class Paper:
    """A paper; `venue` is a conference's proceedings or, with a `volume`, a journal; empty for arXiv alone."""

    authors: str
    title: str
    venue: str
    year: str
    volume: str = ""
    arxiv: str = ""

    @property
    def key(self) -> str:
        """What it is cited by, such as `selvaraju2017grad`."""
        first, *_ = self.authors.split(",")
        word = re.split(r"[\W_]+", self.title)[0] or self.arxiv
        return re.sub(r"\W+", "", f"{first or 'arxiv'}{self.year}{word}").casefold()

    def bibtex(self) -> str:
        """Return the entry."""
        kind, place = ("article", "journal") if self.volume else ("inproceedings", "booktitle")
        fields = {
            "author": self.authors,
            "title": f"{{{self.title}}}" if self.title else "",
            place: self.venue,
            "volume": self.volume,
            "howpublished": "" if self.venue else f"arXiv:{self.arxiv}",
            "year": self.year,
            "eprint": self.arxiv,
            "archivePrefix": "arXiv" if self.arxiv else "",
        }
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
        return f"@{kind if self.venue else 'misc'}{{{self.key},\n{lines}}}\n"


CVPR = "IEEE/CVF Conference on Computer Vision and Pattern Recognition"
ICCV = "IEEE/CVF International Conference on Computer Vision"
ECCV = "European Conference on Computer Vision"
BMVC = "British Machine Vision Conference"
NEURIPS = "Advances in Neural Information Processing Systems"
WACV = "IEEE Winter Conference on Applications of Computer Vision"

PAPERS = {
    "arXiv:1512.04150": Paper(
        "Zhou, Bolei and Khosla, Aditya and Lapedriza, Agata and Oliva, Aude and Torralba, Antonio",
        "Learning Deep Features for Discriminative Localization",
        "IEEE Conference on Computer Vision and Pattern Recognition",
        "2016",
    ),
    "arXiv:1311.2901": Paper(
        "Zeiler, Matthew D. and Fergus, Rob",
        "Visualizing and Understanding Convolutional Networks",
        ECCV,
        "2014",
    ),
    "arXiv:1608.00507": Paper(
        "Zhang, Jianming and Lin, Zhe and Brandt, Jonathan and Shen, Xiaohui and Sclaroff, Stan",
        "Top-down Neural Attention by Excitation Backprop",
        ECCV,
        "2016",
    ),
    "arXiv:1610.02391": Paper(
        "Selvaraju, Ramprasaath R. and Cogswell, Michael and Das, Abhishek and Vedantam, Ramakrishna and Parikh, Devi "
        "and Batra, Dhruv",
        "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization",
        "IEEE International Conference on Computer Vision",
        "2017",
    ),
    "arXiv:1710.11063": Paper(
        "Chattopadhay, Aditya and Sarkar, Anirban and Howlader, Prantik and Balasubramanian, Vineeth N.",
        "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional Networks",
        WACV,
        "2018",
    ),
    "arXiv:1806.07421": Paper(
        "Petsiuk, Vitali and Das, Abir and Saenko, Kate",
        "RISE: Randomized Input Sampling for Explanation of Black-box Models",
        BMVC,
        "2018",
    ),
    "arXiv:1810.03292": Paper(
        "Adebayo, Julius and Gilmer, Justin and Muelly, Michael and Goodfellow, Ian and Hardt, Moritz and Kim, Been",
        "Sanity Checks for Saliency Maps",
        NEURIPS,
        "2018",
    ),
    "arXiv:1905.00780": Paper(
        "Srinivas, Suraj and Fleuret, Fran{\\c{c}}ois",
        "Full-Gradient Representation for Neural Network Visualization",
        NEURIPS,
        "2019",
    ),
    "arXiv:1908.01224": Paper(
        "Omeiza, Daniel and Speakman, Skyler and Cintas, Celia and Weldermariam, Komminist",
        "Smooth Grad-CAM++: An Enhanced Inference Level Visualization Technique for Deep Convolutional Neural Network "
        "Models",
        "",
        "2019",
    ),
    "arXiv:1910.01279": Paper(
        "Wang, Haofan and Wang, Zifan and Du, Mengnan and Yang, Fan and Zhang, Zijian and Ding, Sirui and Mardziel, "
        "Piotr and Hu, Xia",
        "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks",
        f"{CVPR} Workshops",
        "2020",
    ),
    "arXiv:2005.00928": Paper(
        "Abnar, Samira and Zuidema, Willem",
        "Quantifying Attention Flow in Transformers",
        "Annual Meeting of the Association for Computational Linguistics",
        "2020",
    ),
    "arXiv:2008.00299": Paper(
        "Muhammad, Mohammed Bany and Yeasin, Mohammed",
        "Eigen-CAM: Class Activation Map using Principal Components",
        "International Joint Conference on Neural Networks",
        "2020",
    ),
    "arXiv:2008.02312": Paper(
        "Fu, Ruigang and Hu, Qingyong and Dong, Xiaohu and Guo, Yulan and Gao, Yinghui and Li, Biao",
        "Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs",
        BMVC,
        "2020",
    ),
    "arXiv:2011.08891": Paper(
        "Draelos, Rachel Lea and Carin, Lawrence",
        "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks",
        "",
        "2020",
    ),
    "arXiv:2103.15679": Paper(
        "Chefer, Hila and Gur, Shir and Wolf, Lior",
        "Generic Attention-Model Explainability for Interpreting Bi-Modal and Encoder-Decoder Transformers",
        ICCV,
        "2021",
    ),
    "arXiv:2207.01769": Paper(
        "Tursun, Osman and Denman, Simon and Sridharan, Sridha and Fookes, Clinton",
        "SESS: Saliency Enhancing with Scaling and Sliding",
        ECCV,
        "2022",
    ),
    "arXiv:2209.14074": Paper(
        "Byun, Seok-Yong and Lee, Wonju",
        "Recipro-CAM: Fast gradient-free visual explanations for convolutional neural networks",
        "",
        "2022",
    ),
    "arXiv:2310.02588": Paper(
        "Byun, Seok-Yong and Lee, Wonju",
        "ViT-ReciproCAM: Gradient and Attention-Free Visual Explanations for Vision Transformer",
        "",
        "2023",
    ),
    "arXiv:2404.03214": Paper(
        "Bousselham, Walid and Boggust, Angie and Chaybouti, Sofian and Strobelt, Hendrik and Kuehne, Hilde",
        "LeGrad: An Explainability Method for Vision Transformers via Feature Formation Sensitivity",
        ICCV,
        "2025",
    ),
    "arXiv:2410.00267": Paper(
        "Karmani, Sachin and Sivakaran, Thanushon and Prasad, Gaurav and Ali, Mehmet and Yang, Wenbo and Tang, Sheyang",
        "KPCA-CAM: Visual Explainability of Deep Computer Vision Models using Kernel PCA",
        "",
        "2024",
    ),
    "arXiv:2501.06261": Paper("Cai, Huaiguang", "CAMs as Shapley Value-based Explainers", "", "2025"),
    "arXiv:2501.11309": Paper(
        "Zhang, Ziheng and Gu, Jianyang and Chowdhury, Arpita and Mai, Zheda and Carlyn, David and Berger-Wolf, Tanya "
        "and Su, Yu and Chao, Wei-Lun",
        "Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation",
        CVPR,
        "2025",
    ),
    "arXiv:2605.14641": Paper(
        "Domeniconi, Luca and Stramiglio, Alessandra and Lombardi, Michele and Salti, Samuele",
        "How to Evaluate and Refine your CAM",
        "",
        "2026",
    ),
    "10.3390/app15137562": Paper(
        "Chung, Ching-Ting and Ying, Josh Jia-Ching",
        "Seg-Eigen-CAM: Eigen-Value-Based Visual Explanations for Semantic Segmentation Models",
        "Applied Sciences",
        "2025",
        volume="15",
    ),
    "hal-02963298": Paper(
        "Fuad, Kazi Ahmed Asif and Martin, Pierre-Etienne and Giot, Romain and Bourqui, Romain and Benois-Pineau, "
        "Jenny and Zemmari, Akka",
        "Features Understanding in 3D CNNs for Actions Recognition in Video",
        "International Conference on Image Processing Theory, Tools and Applications",
        "2020",
    ),
    "IEEE 9462463": Paper(
        "Jiang, Peng-Tao and Zhang, Chang-Bin and Hou, Qibin and Cheng, Ming-Ming and Wei, Yunchao",
        "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization",
        "IEEE Transactions on Image Processing",
        "2021",
        volume="30",
    ),
    "Desai and Ramaswamy, 2020, WACV": Paper(
        "Desai, Saurabh and Ramaswamy, Harish G.",
        "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free Localization",
        WACV,
        "2020",
    ),
}
"""What a method's `paper` holds -> the paper. The arXiv number is the key's."""


def papers_in(method: str) -> tuple[Paper, ...]:
    """Return the papers that a method's `paper` names; of one on arXiv that is not in the table, its number alone."""
    try:
        text: str = registry.pick("method", method).plugin.paper
    except CamctlError:  # maps read from a file, of a package that is not installed here
        return ()
    found = []
    for number in ARXIV.findall(text):
        paper = PAPERS.get(f"arXiv:{number}", Paper("", "", "", f"20{number[:2]}"))
        found.append(replace(paper, arxiv=number))
    return tuple(found) or tuple(paper for name, paper in PAPERS.items() if name in text)
