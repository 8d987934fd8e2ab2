'use strict';
// Fills the page from the JSON in it. Every string is set as text, never as markup: names come
// from models.

(() => {
  const run = JSON.parse(document.getElementById('run').textContent);
  const $ = id => document.getElementById(id);

  function element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined) node.setAttribute(key, value);
    }
    node.append(...children.filter(child => child !== undefined));
    return node;
  }
  const small = text => text === undefined ? undefined : element('small', {}, text);

  // --- Head and picks -----------------------------------------------------------------------

  function fillHead() {
    $('title').textContent = run.title || 'octet';
    const samples = run.configs[0].samples;
    $('subtitle').textContent = [run.model, run.data, `${number(samples, 0)} test samples`, `seed ${run.seed}`,
                                 run.environment.date_utc.replace('T', ' ').replace('Z', ' UTC')].filter(Boolean).join(' · ');
  }

  const PICK_METRICS = {'smallest': METRICS.size, 'fastest': METRICS.latency, 'most accurate': METRICS.accuracy};

  function comparedWithBaseline(config) {
    const base = run.configs[0];
    if (config === base) return 'the baseline';
    const change = config.top1 - base.top1;
    return `${number(config.speedup, 2)}× the speed, 1/${number(1 / config.size_ratio, 2)} of the size, ` +
           `${change < 0 ? '−' : '+'}${number(Math.abs(change), 2)} pp top-1`;
  }

  function fillPicks() {
    for (const {what, name, ties} of run.picks) {
      const metric = PICK_METRICS[what];
      const best = run.configs.find(c => c.pareto && c.name === name);
      $('picks').append(element(
          'div', {class: 'pick'}, element('div', {class: 'what'}, what),
          element('b', {}, `${metric.format(metric.value(best))} ${metric.unit}`),
          element('div', {class: 'name'}, name), element('div', {class: 'muted'}, comparedWithBaseline(best)),
          ties.length ? element('div', {class: 'muted'}, `level with it: ${ties.join(', ')}`) : undefined));
    }
  }

  // --- Tables -------------------------------------------------------------------------------

  const DASH = '–';
  const interval = (bounds, format) => bounds && `[${bounds.map(format).join(', ')}]`;

  // Long names may break behind an underscore.
  const breakable = name => name.split('_').flatMap((part, i) => i === 0 ? [part] : ['_', element('wbr'), part]);

  const nameHead = config => element('th', {scope: 'row'}, ...breakable(config.name));

  function nameCell(config) {
    const cell = nameHead(config);
    if (config === run.configs[0]) cell.append(element('span', {class: 'tag baseline'}, 'baseline'));
    if (config.description) cell.append(small(config.description));
    if (config.ties?.length) cell.append(small(`level with ${config.ties.join(', ')}`));
    return cell;
  }

  // A column: title, the value to sort by, and what the cell shows.
  const CONFIG_COLUMNS = [
    {title: 'configuration', value: c => c.name, cell: nameCell},
    {
      title: 'frontier', value: c => c.pareto ? 0 : 1,
      show: c => [element('span', {class: c.pareto ? 'tag frontier' : 'tag'}, c.pareto ? 'optimal' : 'dominated')],
    },
    {title: 'size KB', value: c => c.file_bytes, show: c => [number(c.file_bytes / 1024, 1)]},
    {title: 'ratio', value: c => c.size_ratio, show: c => [number(c.size_ratio, 3)]},
    {
      title: 'p50 ms, batch 1', value: METRICS.latency.value,
      show: c => [milliseconds(c.p50_ms['1']), small(interval(c.ci95_ms['1'], milliseconds))],
    },
    {
      title: 'speed-up', value: c => c.speedup,
      show: c => [number(c.speedup, 2) + '×',
                  small(interval(c.latency.find(r => r.batch === 1).speedup_ci95, v => number(v, 2)))],
    },
    {
      title: 'top-1 %', value: c => c.top1,
      show: c => [number(c.top1, 2), small(interval(c.top1_ci95, v => number(v, 2)))],
    },
    {
      title: 'drop pp', value: c => c.top1_drop_pp,
      show: c => [number(c.top1_drop_pp, 2),
                  small(c.mcnemar_p === undefined ? undefined
                        : `p ${c.mcnemar_p < 0.001 ? '< 0.001' : number(c.mcnemar_p, 3)}` +
                          (c.mcnemar_p < 0.05 ? '' : ', noise'))],
    },
    {title: 'agreement %', value: c => c.agreement, show: c => [number(c.agreement, 2)]},
  ];

  const MEMORY_COLUMNS = [
    {title: 'configuration', value: c => c.name, cell: nameHead},
    gaugeColumn('weights KB', c => c.weight_bytes, 1024),
    gaugeColumn('file KB', c => c.file_bytes, 1024),
    gaugeColumn('arena KB', c => c.arena_bytes, 1024),
    gaugeColumn('peak resident set MB', c => c.peak_rss_bytes, 1048576),
  ];

  function gaugeColumn(title, value, unit) {
    const largest = Math.max(...run.configs.map(c => value(c) ?? 0));
    return {
      title, value,
      show: c => [number(value(c) / unit, 1),
                  element('span', {class: 'gauge'},
                          element('i', {style: `width: ${(100 * value(c) / largest).toFixed(1)}%`}))],
    };
  }

  function bodyCell(column, config) {
    if (column.cell) return column.cell(config);
    return element('td', {}, ...(column.value(config) === undefined ? [DASH] : column.show(config)));
  }

  // Missing figures sort last in both directions.
  function sorted(value, direction) {
    const missing = run.configs.filter(c => value(c) === undefined);
    const present = run.configs.filter(c => value(c) !== undefined);
    present.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return direction * (typeof x === 'string' ? x.localeCompare(y) : x - y);
    });
    return present.concat(missing);
  }

  function fillTable(table, columns) {
    // A column that nobody measured says nothing.
    columns = columns.filter(column => run.configs.some(c => column.value(c) !== undefined));
    const body = element('tbody');
    const fill = configs => body.replaceChildren(
        ...configs.map(config => element('tr', {}, ...columns.map(column => bodyCell(column, config)))));
    const heads = columns.map(column => {
      const button = element('button', {type: 'button'}, column.title);
      const head = element('th', {scope: 'col'}, button);
      button.addEventListener('click', () => {
        const ascending = head.getAttribute('aria-sort') !== 'ascending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
        fill(sorted(column.value, ascending ? 1 : -1));
      });
      return head;
    });
    table.append(element('thead', {}, element('tr', {}, ...heads)), body);
    fill(run.configs);
  }

  function heatCell(difference, largest) {
    if (difference === undefined) return element('td', {}, DASH);
    const rounded = Math.round(10 * difference) / 10;
    const text = (rounded > 0 ? '+' : rounded < 0 ? '−' : '') + number(Math.abs(rounded), 1);
    const strength = (0.6 * Math.min(1, Math.abs(difference) / largest)).toFixed(2);
    const hue = difference < 0 ? '--worse' : '--better';
    return element('td', {style: `background: rgba(var(${hue}), ${strength})`}, text);
  }

  function fillClasses() {
    const base = run.configs[0].per_class ?? {};
    const names = Object.keys(base);
    const others = run.configs.slice(1).filter(c => c.per_class && Object.keys(c.per_class).length);
    if (!names.length) {
      $('classes-panel').hidden = true;
      return;
    }
    const difference = (config, name) =>
        config.per_class[name] === undefined ? undefined : config.per_class[name] - base[name];
    // Never below 2 pp, so that a run without differences is not painted as if it had some.
    const largest = Math.max(2, ...others.flatMap(c => names.map(n => Math.abs(difference(c, n) ?? 0))));
    const row = (config, cells) =>
        element('tr', {}, nameHead(config), ...cells);
    $('classes').append(
        element('thead', {}, element('tr', {}, element('th', {scope: 'col'}, 'configuration'),
                                     ...names.map(name => element('th', {scope: 'col'}, name)))),
        element('tbody', {}, row(run.configs[0], names.map(name => element('td', {}, number(base[name], 1)))),
                ...others.map(c => row(c, names.map(name => heatCell(difference(c, name), largest))))));
  }

  function fillMachine() {
    const e = run.environment;
    const rows = {
      processor: e.cpu, cores: e.cores, 'clock, measured': `${number(e.clock_ghz, 2)} GHz`,
      'instruction set': e.isa, threads: e.threads, system: e.os, compiler: e.compiler, commit: e.commit,
      date: e.date_utc, command: run.command ?? '',
    };
    for (const [key, value] of Object.entries(rows)) {
      if (value !== '') $('machine').append(element('dt', {}, key), element('dd', {}, String(value)));
    }
  }

  // --- Plots and theme ----------------------------------------------------------------------

  const batches = [...new Set(run.configs.flatMap(c => (c.latency ?? []).map(r => r.batch)))].sort((a, b) => a - b);
  let batch = batches[0];
  let plots = [];

  function draw() {
    for (const plot of plots) plot.destroy();
    plots = [drawFrontier(run, $('axis-x').value, $('axis-y').value, $('log-x').checked), drawLatency(run, batch)];
    for (const button of $('batches').children) {
      button.setAttribute('aria-pressed', String(button.value === String(batch)));
    }
  }

  function suggestLog() {
    const values = run.configs.map(METRICS[$('axis-x').value].value);
    $('log-x').checked = Math.max(...values) > 8 * Math.min(...values);
  }

  function fillControls() {
    for (const [name, metric] of Object.entries(METRICS)) {
      if (!run.configs.every(c => metric.value(c) !== undefined)) continue;
      for (const axis of ['axis-x', 'axis-y']) $(axis).append(element('option', {value: name}, metric.label));
    }
    $('axis-x').value = 'latency';
    $('axis-y').value = 'accuracy';
    suggestLog();
    $('axis-x').addEventListener('change', () => { suggestLog(); draw(); });
    $('axis-y').addEventListener('change', draw);
    $('log-x').addEventListener('change', draw);
    for (const size of batches) {
      const button = element('button', {type: 'button', value: String(size)}, `batch ${size}`);
      button.addEventListener('click', () => { batch = size; draw(); });
      $('batches').append(button);
    }
  }

  const system = matchMedia('(prefers-color-scheme: dark)');

  // A theme in the address (#dark, #light) wins over the system's.
  function applyTheme() {
    const asked = location.hash.slice(1);
    document.documentElement.dataset.theme =
        ['dark', 'light'].includes(asked) ? asked : system.matches ? 'dark' : 'light';
    draw();
  }

  fillHead();
  fillPicks();
  fillTable($('configs'), CONFIG_COLUMNS);
  fillTable($('memory'), MEMORY_COLUMNS);
  fillClasses();
  fillMachine();
  fillControls();
  applyTheme();
  system.addEventListener('change', applyTheme);
  addEventListener('hashchange', applyTheme);
  addEventListener('beforeprint', () => plots.forEach(plot => plot.resize()));
  $('theme').addEventListener('click', () => {
    location.hash = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  });
})();
