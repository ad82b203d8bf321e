"use strict";
/* Draw a digit and see a network read it. No library, no network: the weights come from
   digits_weights.js. course_lib/demo.py has `center` and `forward` in NumPy; a test compares. */

const DigitDemo = (function () {
  const GRID = 112;        // pixels of the drawing that is measured, on each side
  const RADIUS = 0.042;    // of the pen; the drawing's side is 1
  const SIDE = 28;         // pixels of an MNIST image, and of the box in which its digit lies
  const BOX = 20;
  const KEY_STEP = 0.04;   // way of the pen at one press of an arrow key

  // One example of each digit: strokes of points [x, y], from the upper left corner.
  const EXAMPLES = [
    [[[0.52, 0.18], [0.40, 0.22], [0.31, 0.34], [0.28, 0.50], [0.31, 0.67], [0.40, 0.79], [0.52, 0.82],
      [0.63, 0.77], [0.70, 0.65], [0.72, 0.50], [0.69, 0.33], [0.62, 0.22], [0.52, 0.18]]],
    [[[0.56, 0.16], [0.53, 0.38], [0.50, 0.60], [0.47, 0.84]]],
    [[[0.30, 0.33], [0.36, 0.22], [0.48, 0.17], [0.60, 0.21], [0.65, 0.32], [0.62, 0.44], [0.52, 0.58],
      [0.40, 0.70], [0.29, 0.81], [0.42, 0.79], [0.56, 0.80], [0.74, 0.82]]],
    [[[0.31, 0.23], [0.43, 0.17], [0.56, 0.18], [0.65, 0.26], [0.64, 0.37], [0.55, 0.45], [0.44, 0.48],
      [0.57, 0.50], [0.67, 0.58], [0.68, 0.70], [0.60, 0.80], [0.46, 0.84], [0.32, 0.79]]],
    [[[0.36, 0.18], [0.33, 0.33], [0.30, 0.50], [0.44, 0.51], [0.58, 0.49], [0.72, 0.47]],
      [[0.66, 0.20], [0.63, 0.42], [0.60, 0.64], [0.58, 0.85]]],
    [[[0.70, 0.18], [0.55, 0.19], [0.40, 0.20], [0.38, 0.33], [0.36, 0.46], [0.50, 0.43], [0.62, 0.48],
      [0.68, 0.58], [0.66, 0.70], [0.57, 0.79], [0.44, 0.83], [0.30, 0.79]]],
    [[[0.62, 0.16], [0.50, 0.26], [0.41, 0.39], [0.35, 0.54], [0.34, 0.68], [0.40, 0.80], [0.52, 0.84],
      [0.63, 0.78], [0.66, 0.67], [0.60, 0.57], [0.49, 0.55], [0.40, 0.61], [0.35, 0.70]]],
    [[[0.28, 0.21], [0.42, 0.21], [0.56, 0.20], [0.71, 0.19], [0.64, 0.34], [0.57, 0.50], [0.50, 0.67],
      [0.44, 0.85]]],
    [[[0.62, 0.25], [0.52, 0.17], [0.41, 0.20], [0.36, 0.30], [0.42, 0.40], [0.52, 0.48], [0.62, 0.58],
      [0.65, 0.70], [0.58, 0.81], [0.46, 0.83], [0.37, 0.75], [0.38, 0.63], [0.48, 0.52], [0.59, 0.41],
      [0.65, 0.31], [0.62, 0.25]]],
    [[[0.66, 0.32], [0.60, 0.21], [0.48, 0.17], [0.37, 0.23], [0.34, 0.35], [0.40, 0.46], [0.52, 0.47],
      [0.62, 0.41], [0.66, 0.31], [0.65, 0.48], [0.62, 0.66], [0.58, 0.84]]],
  ];

  /* ---- From strokes to probabilities: pure functions ------------------------------------ */

  /** Weights as numbers, from what digits_weights.js assigns. */
  function decode(file) {
    return file.layers.map(function (layer) {
      const bytes = Uint8Array.from(atob(layer.kernel), (letter) => letter.charCodeAt(0));
      return { kernel: new Int8Array(bytes.buffer), scale: layer.scale, bias: layer.bias };
    });
  }

  /** Distance of the point (x, y) from the segment between a and b. */
  function distance(x, y, a, b) {
    const dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
    const along = length ? ((x - a[0]) * dx + (y - a[1]) * dy) / length : 0;
    const t = Math.min(1, Math.max(0, along));
    return Math.hypot(x - a[0] - t * dx, y - a[1] - t * dy);
  }

  /** Lay the ink of one segment onto a picture of GRID x GRID, with soft edges. */
  function ink(picture, a, b) {
    const radius = RADIUS * GRID + 0.5;
    const first = (u, v) => Math.max(0, Math.floor(Math.min(u, v) - radius));
    const end = (u, v) => Math.min(GRID, Math.ceil(Math.max(u, v) + radius));
    for (let row = first(a[1], b[1]); row < end(a[1], b[1]); row++) {
      for (let column = first(a[0], b[0]); column < end(a[0], b[0]); column++) {
        const value = radius - distance(column + 0.5, row + 0.5, a, b);
        const k = row * GRID + column;
        picture[k] = Math.max(picture[k], Math.min(1, value));
      }
    }
  }

  /** Strokes, as lists of points in [0, 1], to a grey picture of GRID x GRID in one row. */
  function rasterize(strokes) {
    const picture = new Float64Array(GRID * GRID);
    for (const stroke of strokes) {
      const points = stroke.map((point) => [point[0] * GRID, point[1] * GRID]);
      points.forEach((point, i) => ink(picture, points[Math.max(0, i - 1)], point));
    }
    return picture;
  }

  /** Round a half upwards, and what is within 1e-9 of it, as demo.py does. */
  function round(x) { return Math.floor(x + 0.5 + 1e-9); }

  /** First and last index of a positive entry. */
  function extent(profile) {
    const inked = (value) => value > 0;
    return [profile.findIndex(inked), profile.findLastIndex(inked)];
  }

  /** Resize a signal: new entry i is the average of the old ones that it covers. */
  function resize(signal, size) {
    const step = signal.length / size;
    return Array.from({ length: size }, function (_, i) {
      const start = i * step, end = start + step;
      let sum = 0;
      for (let j = Math.floor(start); j < Math.min(signal.length, Math.ceil(end)); j++) {
        sum += signal[j] * Math.max(0, Math.min(end, j + 1) - Math.max(start, j));
      }
      return sum / step;
    });
  }

  function total(values) { return values.reduce((sum, value) => sum + value, 0); }
  function transpose(rows) { return rows[0].map((_, j) => rows.map((row) => row[j])); }

  /** Where a profile of ink begins when its centre of mass is in the middle. */
  function corner(profile) {
    const middle = total(profile.map((value, i) => (i + 0.5) * value)) / total(profile);
    return Math.min(SIDE - profile.length, Math.max(0, round(SIDE / 2 - middle)));
  }

  /** A drawing as rows of numbers, with some ink, in the form of MNIST's: 28 x 28 in one row. */
  function center(image) {
    const [top, bottom] = extent(image.map(total));
    const [left, right] = extent(transpose(image).map(total));
    let digit = image.slice(top, bottom + 1).map((row) => row.slice(left, right + 1));
    const longer = Math.max(digit.length, digit[0].length);
    const [height, width] = [digit.length, digit[0].length].map(
      (side) => Math.max(1, round(BOX * side / longer)));
    digit = digit.map((row) => resize(row, width));
    digit = transpose(transpose(digit).map((column) => resize(column, height)));
    const y = corner(digit.map(total)), x = corner(transpose(digit).map(total));
    const framed = new Array(SIDE * SIDE).fill(0);
    digit.forEach((row, i) => row.forEach(function (value, j) {
      framed[(y + i) * SIDE + x + j] = Math.min(1, value);
    }));
    return framed;
  }

  /** Scores to probabilities. */
  function softmax(scores) {
    const largest = Math.max(...scores);
    const exponentials = scores.map((score) => Math.exp(score - largest));
    const sum = total(exponentials);
    return exponentials.map((value) => value / sum);
  }

  /** Probabilities of the ten digits for one image in one row, as the slides' MLP gives them. */
  function forward(layers, image) {
    let a = image;
    layers.forEach(function (layer, l) {
      const units = layer.bias.length;
      const z = layer.bias.map(function (bias, unit) {
        let sum = 0;
        for (let i = 0; i < a.length; i++) { sum += a[i] * layer.kernel[i * units + unit]; }
        return layer.scale * sum + bias;
      });
      a = l === layers.length - 1 ? softmax(z) : z.map((value) => Math.max(0, value));
    });
    return a;
  }

  /** A picture in one row as rows of `side` numbers. */
  function rows(picture, side) {
    return Array.from({ length: side }, (_, i) => Array.from(picture.slice(i * side, (i + 1) * side)));
  }

  /** What the network sees of the strokes, and what it says. */
  function read(layers, strokes) {
    const image = center(rows(rasterize(strokes), GRID));
    return { image: image, probabilities: forward(layers, image) };
  }

  /* ---- The page ------------------------------------------------------------------------- */

  /** Draw the strokes, and the cursor of the keyboard where it is in use. */
  function paint(canvas, strokes, pen) {
    const context = canvas.getContext("2d"), size = canvas.width;
    context.fillStyle = "#000";
    context.fillRect(0, 0, size, size);
    context.strokeStyle = "#fff";
    context.lineWidth = 2 * RADIUS * size;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * size, stroke[0][1] * size);
      stroke.forEach((point) => context.lineTo(point[0] * size, point[1] * size));
      context.stroke();
    }
    if (pen.shown) { paintPen(context, pen, size); }
  }

  /** A ring where the pen is, with a filled middle when it is down. */
  function paintPen(context, pen, size) {
    context.beginPath();
    context.arc(pen.x * size, pen.y * size, 0.03 * size, 0, 2 * Math.PI);
    context.lineWidth = 0.012 * size;
    context.strokeStyle = context.fillStyle = "#f5a623";
    context.stroke();
    if (pen.down) { context.fill(); }
  }

  /** Show the 28 x 28 pixels that the network is given; black without any. */
  function paintSeen(canvas, image) {
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const grey = image ? 255 * image[i] : 0;
      pixels.data.set([grey, grey, grey, 255], 4 * i);
    }
    context.putImageData(pixels, 0, 0);
  }

  /** Make one drawing area live. All words are in the page: in `root` and its data attributes. */
  function start(root, layers) {
    const find = (name) => root.querySelector(".digit-" + name);
    const canvas = find("canvas"), bars = Array.from(find("bars").children);
    const pen = { x: 0.5, y: 0.5, down: false, shown: false };
    let strokes = [], timer;

    function fill(template, values) {
      return template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
    }
    function sentence(p) {
      if (!p) { return root.dataset.empty; }
      const order = Array.from(p.keys()).sort((i, j) => p[j] - p[i]);
      const percent = (i) => Math.round(100 * p[i]);
      return fill(root.dataset.says, {
        first: order[0], percent: percent(order[0]), second: order[1], rest: percent(order[1]),
      });
    }
    function showBars(p) {
      bars.forEach(function (bar, digit) {
        const share = p ? p[digit] : 0;
        bar.classList.toggle("best", share > 0 && share === Math.max(...p));
        bar.querySelector(".digit-bar span").style.width = 100 * share + "%";
        bar.querySelector(".digit-percent").textContent =
          fill(root.dataset.percent, { percent: Math.round(100 * share) });
      });
    }
    function update() {
      const seen = strokes.length ? read(layers, strokes) : { image: null, probabilities: null };
      paint(canvas, strokes, pen);
      paintSeen(find("seen"), seen.image);
      showBars(seen.probabilities);
      // A screen reader speaks the sentence: not at every point of a line, only when it rests.
      window.clearTimeout(timer);
      timer = window.setTimeout(function () {
        find("answer").textContent = sentence(seen.probabilities);
      }, 250);
    }
    function put(next) { strokes = next; pen.down = false; update(); }
    function sayPen() { find("pen").textContent = pen.down ? root.dataset.down : root.dataset.up; }

    /* With mouse, finger or pen. */
    function place(event) {
      const box = canvas.getBoundingClientRect();
      const inside = (value) => Math.min(1, Math.max(0, value));
      const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
      return [inside(x), inside(y)];
    }
    let pointer = null;
    canvas.addEventListener("pointerdown", function (event) {
      if (pointer !== null || event.button !== 0) { return; }
      pointer = event.pointerId;
      canvas.setPointerCapture(pointer);
      Object.assign(pen, { down: false, shown: false });
      strokes.push([place(event)]);
      update();
    });
    canvas.addEventListener("pointermove", function (event) {
      if (event.pointerId !== pointer) { return; }
      strokes[strokes.length - 1].push(place(event));
      update();
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, function (event) {
        if (event.pointerId === pointer) { pointer = null; }
      });
    }

    /* With the keyboard. */
    const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    function move(direction) {
      const step = (value, sign) => Math.min(1, Math.max(0, value + sign * KEY_STEP));
      Object.assign(pen, { x: step(pen.x, direction[0]), y: step(pen.y, direction[1]) });
      if (pen.down) { strokes[strokes.length - 1].push([pen.x, pen.y]); }
    }
    function toggle() {
      pen.down = !pen.down;
      if (pen.down) { strokes.push([[pen.x, pen.y]]); }
      sayPen();
    }
    function lift() { pen.down = false; sayPen(); }
    function clear() { lift(); strokes = []; }
    const KEYS = { " ": toggle, Enter: toggle, Escape: lift, Delete: clear };
    canvas.addEventListener("keydown", function (event) {
      const arrow = ARROWS[event.key], action = KEYS[event.key];
      if (event.ctrlKey || event.altKey || event.metaKey || pointer !== null) { return; }
      if (!arrow && !action) { return; }
      event.preventDefault();
      pen.shown = true;
      if (arrow) { move(arrow); } else if (!event.repeat) { action(); }
      update();
    });
    canvas.addEventListener("focus", function () {
      pen.shown = canvas.matches(":focus-visible");
      update();
    });
    canvas.addEventListener("blur", function () {
      if (pen.down) { lift(); }
      pen.shown = false;
      update();
    });

    /* With the buttons. */
    find("undo").addEventListener("click", () => put(strokes.slice(0, -1)));
    find("clear").addEventListener("click", () => put([]));
    root.querySelectorAll("[data-example]").forEach(function (button) {
      const example = EXAMPLES[button.dataset.example];
      button.addEventListener("click", () => put(example.map((stroke) => stroke.slice())));
    });
    root.hidden = false;
    update();
  }

  return { EXAMPLES, GRID, center, decode, forward, rasterize, rows, start };
})();

if (typeof module !== "undefined") {
  module.exports = DigitDemo;
} else {
  const layers = DigitDemo.decode(DIGIT_WEIGHTS);
  document.querySelectorAll(".digit-demo").forEach((root) => DigitDemo.start(root, layers));
}
