// Entry point: draws the console into the page. Rule: nothing else happens here.
import { render } from 'preact';
import { Shell } from './app/shell';
import './styles/index.css';

const root = document.getElementById('app');
if (root) render(<Shell />, root);
