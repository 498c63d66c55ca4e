// What the page uses of Observable Plot; esbuild leaves off the rest.
export {axisX, axisY, dot, gridX, gridY, line, plot, rectY, ruleX, ruleY, text, tip, pointerY} from "@observablehq/plot";
