"""The form of a spec file: its keys and what each may hold. The JSON Schema for editors is made of it too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from gradconform.dtypes import FLOAT32, NAMES, USUAL, UnderTest
from gradconform.reference.attributes import Real

FILE_NAME = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$"
NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"


_Number = Annotated[Real, Field(ge=-(2.0**1000), le=2.0**1000)]
_Extent = Annotated[StrictInt, Field(ge=0)]
_Int64 = Annotated[StrictInt, Field(ge=-(2**63), le=2**63 - 1)]
Extents = Annotated[list[_Extent], Field(max_length=8, description="a list of at most 8 ints of 0 or more")]
Range = Annotated[list[_Number], Field(min_length=2, max_length=2, description="[low, high], two finite numbers")]
Integers = Annotated[
    list[_Int64], Field(min_length=2, max_length=2, description="[low, high], two ints, high exclusive")
]
Normal = Annotated[list[_Number], Field(min_length=2, max_length=2, description="[mean, scale], two finite numbers")]
Chance = Annotated[Real, Field(ge=0, lt=1, description="a number from 0 to below 1")]
About = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=2000), Field(description="a line of prose")
]
Text = Annotated[str, StringConstraints(strict=True), Field(description="a name")]
Names = Annotated[list[Text], Field(description="a list of names")]
Words = Annotated[dict[str, Any], Field(description="a mapping")]
Nodes = Annotated[dict[str, Words], Field(min_length=1, description="a mapping of one node or more")]
Dtypes = Annotated[list[UnderTest], Field(min_length=1, description=f"a list of {', '.join(NAMES)}")]
Values = Annotated[list[Literal["drawn", "exact"]], Field(min_length=1, description="a list of drawn and exact")]
Seed = Annotated[StrictInt, Field(ge=0, le=2**63 - 1, description="an int of 0 or more")]
Flag = Annotated[StrictBool, Field(description="true or false")]
Literal_ = Annotated[Any, Field(description="a number or nested lists of numbers")]


class Form(BaseModel):
    """A mapping with these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Drawn(Form):
    """How the numbers of a tensor come about: one of value, uniform, normal and dropout."""

    value: Literal_ = None
    uniform: Range | None = None
    normal: Normal | None = None
    dropout: Chance | None = None


class Declaration(Drawn):
    """An input: its shape, how its numbers come about, and whether its gradient is wanted."""

    shape: Extents
    grad: Flag | None = None
    integers: Integers | None = None
    kind: Annotated[Literal["float", "int64"], Field(description="float or int64")] | None = None


class Block(Form):
    """A template of nodes with inputs and arguments."""

    inputs: Annotated[Names, Field(min_length=1, description="a list of one name or more")]
    arguments: Names = []
    nodes: Nodes
    output: Text


class Use(Form):
    """A node that stands for the nodes of a block; its other keys bind the block's inputs."""

    model_config = ConfigDict(extra="allow", frozen=True)
    block: Text
    repeat: Annotated[StrictInt, Field(ge=1, description="an int of 1 or more")] = 1
    with_: Annotated[Words, Field(alias="with")] = {}


class Common(Form):
    """What a network file and an operator file share."""

    about: About
    seed: Seed = 0
    dtypes: Dtypes = [dtype.name for dtype in USUAL]


class Claim(Form):
    """A printed result: what somebody says a tensor holds, and where it is said."""

    says: About
    source: About
    framework: Annotated[Text, Field(description="the name of an adapter")] | None = None
    of: Annotated[Text, Field(description="a tensor, such as output/loss or grad/x")]
    value: Annotated[Any, Field(description="numbers as they were printed, or none, or raises")]
    digits: Annotated[StrictInt, Field(ge=1, le=17, description="an int from 1 to 17")] | None = None


Claims = Annotated[list[Claim], Field(description="a list of claims")]


class NetworkFile(Common):
    """A file that describes one network."""

    name: Annotated[Text, Field(pattern=FILE_NAME, description="letters, digits, `_`, `.` and `-`")] | None = None
    values: Values = ["drawn"]
    exact_output: Text | None = None
    weights: Text | None = None
    inputs: dict[str, Declaration]
    parameters: dict[str, Drawn] = {}
    blocks: dict[str, Block] = {}
    nodes: Nodes
    output: Text | None = None
    cotangent: Drawn | None = None
    claims: Claims = []


class Behaviour(NetworkFile):
    """A tiny network, a script over it, and the tensors that are asked for at the end."""

    dtypes: Dtypes = [FLOAT32.name]
    script: Annotated[list[Any], Field(min_length=1, description="a list of one step or more")]
    ask: Annotated[Names, Field(min_length=1, description="a list of one tensor or more")]


class BehaviourFile(Common):
    """A file that holds behaviours: what each tensor holds after a short script."""

    dtypes: Dtypes = [FLOAT32.name]
    behaviours: Annotated[dict[str, Words], Field(min_length=1, description="a mapping of one behaviour or more")]


class OperatorFile(Common):
    """A file that holds the cases of one operator."""

    operator: Text
    cases: Annotated[dict[str, Words], Field(min_length=1, description="a mapping of one case or more")]
