'use strict';
// The two plots. Colours come from the style sheet, so a change of theme only redraws.

const color = name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
const number = (value, digits) =>
  value.toLocaleString('en', {minimumFractionDigits: digits, maximumFractionDigits: digits});
// Four significant digits: a microsecond is not 0.0010 ms.
const milliseconds = value => value >= 1e-6 && value < 1000 ? value.toPrecision(4) : number(value, 0);
const isBaseline = (run, config) => run.configs[0] === config;

// What a plot can be drawn over; `interval` is the 95 % interval where there is one.
const METRICS = {
  latency: {
    label: 'p50 latency, batch 1', unit: 'ms', better: 'less', format: milliseconds,
    value: c => c.p50_ms?.['1'], interval: c => c.ci95_ms?.['1'],
  },
  size: {
    label: 'file size', unit: 'KB', better: 'less', format: v => number(v, 1),
    value: c => c.file_bytes && c.file_bytes / 1024,
  },
  accuracy: {
    label: 'top-1', unit: '%', better: 'more', format: v => number(v, 2),
    value: c => c.top1, interval: c => c.top1_ci95,
  },
  arena: {
    label: 'arena', unit: 'KB', better: 'less', format: v => number(v, 1),
    value: c => c.arena_bytes && c.arena_bytes / 1024,
  },
  memory: {
    label: 'peak resident set', unit: 'MB', better: 'less', format: v => number(v, 1),
    value: c => c.peak_rss_bytes && c.peak_rss_bytes / 1048576,
  },
};

const axisTitle = metric =>
  `${metric.label} (${metric.unit}), ${metric.better === 'less' ? 'less' : 'more'} is better`;

function tooltipLines(config) {
  const lines = [];
  for (const metric of Object.values(METRICS)) {
    const value = metric.value(config);
    if (value === undefined) continue;
    const interval = metric.interval?.(config);
    const range = interval ? ` [${metric.format(interval[0])}, ${metric.format(interval[1])}]` : '';
    lines.push(`${metric.label}: ${metric.format(value)} ${metric.unit}${range}`);
  }
  if (config.speedup !== undefined) lines.push(`speed-up: ${number(config.speedup, 2)}x`);
  if (config.size_ratio !== undefined) lines.push(`size ratio: ${number(config.size_ratio, 3)}`);
  if (config.top1_drop_pp !== undefined) lines.push(`top-1 drop: ${number(config.top1_drop_pp, 2)} pp`);
  if (config.agreement !== undefined) lines.push(`agreement: ${number(config.agreement, 2)} %`);
  if (config.mcnemar_p !== undefined) lines.push(`McNemar p: ${config.mcnemar_p.toPrecision(2)}`);
  if (config.ties?.length) lines.push(`level with: ${config.ties.join(', ')}`);
  return lines;
}

const tooltip = configOf => ({
  displayColors: false, padding: 10, caretPadding: 8, backgroundColor: '#1b2026', titleColor: '#ffffff',
  bodyColor: '#e7ebef', borderColor: '#59636e', borderWidth: 1,
  callbacks: {title: items => configOf(items[0]).name, label: item => tooltipLines(configOf(item))},
});

function whisker(ctx, from, to, across) {
  const cap = 4;
  ctx.beginPath();
  if (across) {
    ctx.moveTo(from.x, from.y); ctx.lineTo(to.x, to.y);
    ctx.moveTo(from.x, from.y - cap); ctx.lineTo(from.x, from.y + cap);
    ctx.moveTo(to.x, to.y - cap); ctx.lineTo(to.x, to.y + cap);
  } else {
    ctx.moveTo(from.x, from.y); ctx.lineTo(to.x, to.y);
    ctx.moveTo(from.x - cap, from.y); ctx.lineTo(from.x + cap, from.y);
    ctx.moveTo(to.x - cap, to.y); ctx.lineTo(to.x + cap, to.y);
  }
  ctx.stroke();
}

// Places each name beside its point where it covers neither a point nor another name.
function drawNames(chart, points) {
  const {ctx, chartArea: area} = chart;
  ctx.save();
  ctx.font = '600 12px system-ui, sans-serif';
  ctx.textBaseline = 'middle';
  const taken = points.map(p => ({x: p.x - p.r, y: p.y - p.r, w: 2 * p.r, h: 2 * p.r}));
  const overlap = (a, b) => Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) *
                            Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
  for (const point of [...points].reverse()) {  // the front first: it gets the best places
    const w = ctx.measureText(point.name).width, h = 15, d = point.r * 0.75 + 3;
    const spots = [
      {x: point.x + point.r + 6, y: point.y - h / 2}, {x: point.x - point.r - 6 - w, y: point.y - h / 2},
      {x: point.x + d, y: point.y - d - h}, {x: point.x + d, y: point.y + d},
      {x: point.x - d - w, y: point.y - d - h}, {x: point.x - d - w, y: point.y + d},
      {x: point.x - w / 2, y: point.y - point.r - h - 8}, {x: point.x - w / 2, y: point.y + point.r + 8},
      {x: point.x + d, y: point.y - d - 2.2 * h}, {x: point.x + d, y: point.y + d + 1.2 * h},
    ].map((spot, order) => {
      const box = {...spot, w, h};
      const outside = w * h - overlap(box, {x: area.left, y: area.top, w: area.width, h: area.height});
      return {box, cost: order + 10 * outside + taken.reduce((sum, other) => sum + overlap(box, other), 0)};
    });
    const {box, cost} = spots.reduce((best, spot) => spot.cost < best.cost ? spot : best);
    // No room: better no name than two on one spot; the tooltip has it.
    if (cost > 0.2 * w * h && !point.config.pareto) continue;
    taken.push(box);
    ctx.lineWidth = 4;
    ctx.lineJoin = 'round';
    ctx.strokeStyle = color('panel');
    ctx.strokeText(point.name, box.x, box.y + h / 2);
    ctx.fillStyle = color(point.config.pareto ? 'ink' : 'muted');
    ctx.fillText(point.name, box.x, box.y + h / 2);
  }
  ctx.restore();
}

// The ends of names tell configurations apart, so the middle goes.
function shorten(text, length) {
  if (text.length <= length) return text;
  const tail = Math.floor((length - 1) / 2);
  return text.slice(0, length - 1 - tail) + '…' + text.slice(-tail);
}

const isNarrow = () => matchMedia('(max-width: 600px)').matches;

function scale(metric, log, values) {
  const low = Math.min(...values), high = Math.max(...values);
  const margin = (high - low) * 0.12 || Math.abs(high) * 0.1 || 1;
  return {
    type: log ? 'logarithmic' : 'linear',
    min: log ? low / Math.pow(high / low || 1.2, 0.12) : Math.max(metric.better === 'less' ? 0 : -1e9, low - margin),
    max: log ? high * Math.pow(high / low || 1.2, 0.12) : high + margin,
    title: {display: true, text: axisTitle(metric), color: color('muted'), font: {size: 12.5}},
    grid: {color: color('line'), borderColor: color('line')},
    ticks: {
      color: color('muted'), maxTicksLimit: isNarrow() ? 7 : 9, maxRotation: 0, includeBounds: false,
      callback: value => Number(value.toPrecision(3)).toLocaleString('en', {maximumFractionDigits: 4}),
    },
  };
}

function drawFrontier(run, xName, yName, log) {
  const x = METRICS[xName], y = METRICS[yName];
  const largest = Math.max(...run.configs.map(c => c.file_bytes));
  const radius = config => 5 + 15 * Math.sqrt(config.file_bytes / largest);
  // Drawn in this order: small over large, the frontier over the rest, the baseline over all.
  const points = run.configs.map(config => ({x: x.value(config), y: y.value(config), config}))
                     .sort((a, b) => isBaseline(run, a.config) - isBaseline(run, b.config) ||
                                     a.config.pareto - b.config.pareto || radius(b.config) - radius(a.config));
  const outline = p => color(isBaseline(run, p.config) ? 'baseline' : p.config.pareto ? 'frontier' : 'dominated');
  const extremes = (metric, key) => points.flatMap(p => [p[key], ...(metric.interval?.(p.config) ?? [])]);

  const decorate = {
    id: 'decorate',
    beforeDatasetDraw(chart, {index}) {
      if (index !== 1) return;
      const {ctx, scales} = chart;
      ctx.save();
      ctx.lineWidth = 1.5;
      for (const p of points) {
        ctx.strokeStyle = outline(p) + 'b0';
        const at = {x: scales.x.getPixelForValue(p.x), y: scales.y.getPixelForValue(p.y)};
        const across = x.interval?.(p.config)?.map(v => ({x: scales.x.getPixelForValue(v), y: at.y}));
        const upright = y.interval?.(p.config)?.map(v => ({x: at.x, y: scales.y.getPixelForValue(v)}));
        if (across) whisker(ctx, across[0], across[1], true);
        if (upright) whisker(ctx, upright[0], upright[1], false);
      }
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      const elements = chart.getDatasetMeta(1).data;
      drawNames(chart, points.map((p, i) => ({
        x: elements[i].x, y: elements[i].y, r: radius(p.config), name: shorten(p.config.name, 32), config: p.config,
      })));
    },
  };

  return new Chart(document.getElementById('frontier'), {
    plugins: [decorate],
    data: {
      datasets: [
        {
          type: 'line', order: 2, data: points.filter(p => p.config.pareto).sort((a, b) => a.x - b.x),
          borderColor: color('frontier'), borderWidth: 1.5, borderDash: [5, 4], pointRadius: 0, pointHitRadius: 0,
        },
        {
          type: 'scatter', order: 1, data: points, pointRadius: points.map(p => radius(p.config)),
          pointHoverRadius: points.map(p => radius(p.config) + 2),
          pointStyle: points.map(p => isBaseline(run, p.config) ? 'rectRot' : 'circle'),
          pointBackgroundColor: points.map(p => p.config.pareto ? outline(p) + '59' : color('panel')),
          pointBorderColor: points.map(outline), pointBorderWidth: 2.5,
        },
      ],
    },
    options: {
      animation: false, maintainAspectRatio: false,
      interaction: {mode: 'nearest', intersect: true},
      scales: {x: scale(x, log, extremes(x, 'x')), y: scale(y, false, extremes(y, 'y'))},
      plugins: {legend: {display: false}, tooltip: {...tooltip(item => item.raw.config), filter: item => item.datasetIndex === 1}},
    },
  });
}

function drawLatency(run, batch) {
  const key = String(batch);
  const configs = run.configs.filter(config => config.p50_ms?.[key] !== undefined);
  const records = configs.map(config => config.latency.find(record => record.batch === batch));
  document.getElementById('latency-plot').style.height = 34 * configs.length + 64 + 'px';

  const decorate = {
    id: 'decorate',
    afterDatasetsDraw(chart) {
      const {ctx, scales} = chart;
      ctx.save();
      ctx.font = '12px system-ui, sans-serif';
      ctx.textBaseline = 'middle';
      records.forEach((record, i) => {
        const at = chart.getDatasetMeta(0).data[i].y;
        const [low, high] = record.ci95_ms.map(v => ({x: scales.x.getPixelForValue(v), y: at}));
        ctx.strokeStyle = color('ink');
        ctx.lineWidth = 1.5;
        whisker(ctx, low, high, true);
        ctx.fillStyle = color('ink');
        ctx.fillText(`${milliseconds(record.p50_ms)} ms · ${number(record.speedup, 2)}×`, high.x + 10, at);
      });
      ctx.restore();
    },
  };

  return new Chart(document.getElementById('latency'), {
    type: 'bar',
    plugins: [decorate],
    data: {
      labels: configs.map(config => shorten(config.name, isNarrow() ? 18 : 40)),
      datasets: [{
        data: records.map(record => record.p50_ms), barThickness: 18, borderRadius: 3,
        backgroundColor: configs.map(c => color(isBaseline(run, c) ? 'baseline' : c.pareto ? 'frontier' : 'dominated') + 'b3'),
      }],
    },
    options: {
      indexAxis: 'y', animation: false, maintainAspectRatio: false,
      layout: {padding: {right: 4}},
      scales: {
        x: {
          beginAtZero: true, suggestedMax: (isNarrow() ? 1.8 : 1.25) * Math.max(...records.map(record => record.ci95_ms[1])),
          title: {display: true, text: `p50 latency, batch ${batch} (ms), less is better`, color: color('muted'), font: {size: 12.5}},
          grid: {color: color('line'), borderColor: color('line')}, ticks: {color: color('muted'), maxRotation: 0, maxTicksLimit: isNarrow() ? 5 : 11},
        },
        y: {grid: {display: false, borderColor: color('line')}, ticks: {color: color('ink'), autoSkip: false}},
      },
      plugins: {
        legend: {display: false},
        tooltip: {
          ...tooltip(item => configs[item.dataIndex]),
          callbacks: {
            title: items => configs[items[0].dataIndex].name,
            label: item => {
              const r = records[item.dataIndex];
              return [
                `p50 ${milliseconds(r.p50_ms)} ms [${r.ci95_ms.map(milliseconds).join(', ')}]`,
                `p95 ${milliseconds(r.p95_ms)}, p99 ${milliseconds(r.p99_ms)}, mean ${milliseconds(r.mean_ms)} ms`,
                `speed-up ${number(r.speedup, 3)}x [${r.speedup_ci95.map(v => number(v, 3)).join(', ')}]`,
                `${r.rounds} rounds, ${r.threads} thread${r.threads === 1 ? '' : 's'}`,
              ];
            },
          },
        },
      },
    },
  });
}
