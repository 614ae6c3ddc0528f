// One entry on its own page, and the way to its neighbours.

import './api.js';
import { showEntry } from './view.js';

const place = document.querySelector('#entry');
showEntry(place, place.dataset.log, Number(place.dataset.index));

document.addEventListener('keydown', (event) => {
  if (event.target.closest('input, textarea, select') || event.ctrlKey || event.metaKey || event.altKey) return;
  const rel = { k: 'prev', ArrowLeft: 'prev', j: 'next', ArrowRight: 'next' }[event.key];
  if (rel) document.querySelector(`a[rel=${rel}]`)?.click();
});
