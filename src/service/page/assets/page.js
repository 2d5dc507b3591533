// What pages do beyond links and forms, each in a module of its own. Without any of it a page works.

import { hovering } from "./hover.js";
import { brushing } from "./brush.js";
import { completing } from "./complete.js";
import { copying } from "./copy.js";
import { filling } from "./later.js";
import { living } from "./live.js";
import { reading } from "./reads.js";

document.querySelectorAll("figure.plot").forEach(hovering);
document.querySelectorAll("figure.brushable").forEach(brushing);
document.querySelectorAll("input[data-complete]").forEach(completing);
document.querySelectorAll(".copy").forEach(copying);
document.querySelectorAll("[data-reads]").forEach(reading);
living([...document.querySelectorAll("[data-job]")]);
filling([...document.querySelectorAll("[data-from]")]);
