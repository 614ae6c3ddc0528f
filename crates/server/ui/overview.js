// The logs: what this browser saw of each; and on a new server, the first event as it arrives.

import './api.js';
import { fill, h, text, time } from './dom.js';
import { parse, show } from './json.js';
import { seen } from './memory.js';

for (const place of document.querySelectorAll('.seen')) {
  const log = place.closest('.card').querySelector('a').textContent;
  const kept = seen(log);
  if (kept) fill(place, `This browser last saw ${kept.size} entries, `, time(kept.at));
  if (kept && kept.origin !== place.dataset.origin) fill(place, h('span', { class: 'notice bad' }, 'Another origin than this browser saw'));
}

const first = document.querySelector('.first-run');
if (first) {
  const command = document.querySelector('#append-command');
  command.textContent = command.textContent.replace('http://127.0.0.1:7070', location.origin);
  const { log, from } = first.dataset;
  const tail = new EventSource(`/api/v1/logs/${log}/tail?from=${from}`);
  tail.addEventListener('message', ({ data }) => {
    tail.close();
    arrived(log, JSON.parse(data));
  });
}

function arrived(log, { index, entry }) {
  const event = parse(entry.split('\n')[1]);
  const place = document.querySelector('#arrival');
  place.classList.add('good');
  fill(place, h('strong', {}, 'It is in: '), text(show(event.get('action') ?? '')), ' is entry ',
    h('a', { href: `/ui/logs/${log}/${index}` }, String(index)), '. Open it to see it verified.');
}
