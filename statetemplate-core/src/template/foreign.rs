//! SVG and MathML in HTML: the names whose case the parser restores, and the elements that hold HTML again.

/// The elements that begin foreign content.
pub(super) const FOREIGN: &[&str] = &["svg", "math"];

/// The elements in foreign content whose inside is HTML.
pub(super) fn holds_html(name: &str) -> bool {
    matches!(
        name,
        "foreignobject" | "desc" | "title" | "annotation-xml" | "mi" | "mo" | "mn" | "ms" | "mtext"
    )
}

/// An attribute's name as the parser writes it in foreign content.
pub(crate) fn attribute_name(lower: &str) -> &str {
    ADJUSTED
        .iter()
        .find(|name| name.eq_ignore_ascii_case(lower))
        .map_or(lower, |name| *name)
}

/// Attributes in foreign content whose names are not all lower case
/// (<https://html.spec.whatwg.org/multipage/parsing.html#adjust-svg-attributes>).
const ADJUSTED: &[&str] = &[
    "attributeName",
    "attributeType",
    "baseFrequency",
    "baseProfile",
    "calcMode",
    "clipPathUnits",
    "diffuseConstant",
    "edgeMode",
    "filterUnits",
    "glyphRef",
    "gradientTransform",
    "gradientUnits",
    "kernelMatrix",
    "kernelUnitLength",
    "keyPoints",
    "keySplines",
    "keyTimes",
    "lengthAdjust",
    "limitingConeAngle",
    "markerHeight",
    "markerUnits",
    "markerWidth",
    "maskContentUnits",
    "maskUnits",
    "numOctaves",
    "pathLength",
    "patternContentUnits",
    "patternTransform",
    "patternUnits",
    "pointsAtX",
    "pointsAtY",
    "pointsAtZ",
    "preserveAlpha",
    "preserveAspectRatio",
    "primitiveUnits",
    "refX",
    "refY",
    "repeatCount",
    "repeatDur",
    "requiredExtensions",
    "requiredFeatures",
    "specularConstant",
    "specularExponent",
    "spreadMethod",
    "startOffset",
    "stdDeviation",
    "stitchTiles",
    "surfaceScale",
    "systemLanguage",
    "tableValues",
    "targetX",
    "targetY",
    "textLength",
    "viewBox",
    "viewTarget",
    "xChannelSelector",
    "yChannelSelector",
    "zoomAndPan",
    "definitionURL",
];
